"""Hazards: dangers of a release to the database as it is. One file a hazard, with its prose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.revision_steps import steps
from wish_rollout.core.hazards.rules import (
    constraints,
    drops,
    index_build,
    index_drop,
    not_null,
    partition_attach,
    renames,
    secrets,
    table_rewrite,
    type_change,
    whole_table_statements,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.hazards.hazard import Hazard, Live
    from wish_rollout.core.hazards.pending_revision import Pending

RULES = (
    index_build.judge,
    index_drop.judge,
    table_rewrite.judge,
    type_change.judge,
    not_null.judge,
    constraints.judge,
    drops.judge,
    renames.judge,
    partition_attach.judge,
    whole_table_statements.judge,
    secrets.judge,
)
KINDS = frozenset(
    {
        index_build.KIND,
        index_drop.KIND,
        table_rewrite.KIND,
        type_change.KIND,
        not_null.KIND,
        *constraints.KINDS,
        drops.TABLE,
        drops.COLUMN,
        drops.VIEW,
        renames.KIND,
        partition_attach.KIND,
        *whole_table_statements.KINDS,
        secrets.KIND,
    }
)
"""Every name that a revision can allow."""


def judge_hazards(
    pending: Iterable[Pending], live: Live, allowed: Mapping[str, Mapping[str, str]]
) -> tuple[Hazard, ...]:
    """Find every hazard of the pending revisions, in their order, on the database as it is.

    ``allowed``: revision → kind → the reason that its script gives.
    """
    found = [hazard for step in steps(pending, live) for rule in RULES for hazard in rule(step)]
    reasons = [allowed.get(hazard.revision, {}).get(hazard.kind, "") for hazard in found]
    return tuple(replace(one, allowed=reason) for one, reason in zip(found, reasons, strict=True))
