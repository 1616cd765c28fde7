"""Remedies: the SQL that leads from a schema as it is to the schema that it has to be.

The statements come in an order in which they can run, and say what they cannot cover. docs/drift.md lists it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.column_renames import rename_columns
from wish_rollout.core.remedy.composition import Composing
from wish_rollout.core.remedy.draft import Draft
from wish_rollout.core.remedy.statements import Remedy

if TYPE_CHECKING:
    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.snapshot import Snapshot


def remedy(live: Snapshot, target: Snapshot, roles: Roles, major: int) -> Remedy:
    """Give what takes ``live`` to ``target``. ``major``: of the server that will run it; it decides the words.

    ``target`` has to be a schema that such a server can have. Empty where the two are equal.
    """
    first, live = rename_columns(live, target)
    draft = Draft(live.objects, target.objects, roles, major)
    statements = [*first, *Composing(draft, live, target).statements()]
    return Remedy(tuple(statements), tuple(sorted(draft.gaps, key=str)))
