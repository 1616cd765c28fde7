"""Remedies: the SQL that takes a live schema to a target schema.

The statements come in an order in which they can run; what they do not cover is listed. See docs/drift.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.column_renames import rename_columns
from wish_rollout.core.remedy.composition.composition import Composition
from wish_rollout.core.remedy.draft import Draft
from wish_rollout.core.remedy.extension_moves import move_extensions
from wish_rollout.core.remedy.graph.circular_views import separate_queries
from wish_rollout.core.remedy.graph.parts import separate_parts
from wish_rollout.core.remedy.statements import Remedy
from wish_rollout.core.remedy.steps.change_set import ChangeSet
from wish_rollout.core.remedy.text_bodies import without_body_checks

if TYPE_CHECKING:
    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.snapshot import Snapshot


def remedy(live: Snapshot, target: Snapshot, roles: Roles, major: int) -> Remedy:
    """Return the SQL that takes ``live`` to ``target``; empty where the two are equal.

    ``major``: the major version of the server that will run it. ``target`` has to be a schema that such a server
    can have.
    """
    moved, live = move_extensions(live, target)
    renamed, live = rename_columns(live, target)
    before, after = separate_queries(separate_parts(live), separate_parts(target))
    draft = Draft(before.objects, after.objects, roles, major)
    changes = ChangeSet(draft, before, after)
    statements = [*moved, *renamed, *Composition(draft, changes).statements()]
    return Remedy(tuple(without_body_checks(statements)), tuple(sorted(draft.gaps, key=str)))
