"""Hazards: dangers of a release to the database as it is. One file a hazard, with its prose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards import (
    attach,
    constraint,
    drop,
    index_build,
    index_drop,
    not_null,
    rename,
    rewrite,
    statement,
    type_change,
)
from wish_rollout.core.hazards.hazard import Hazard, Live, Step, TableFacts
from wish_rollout.core.hazards.steps import Pending, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RULES = (
    index_build.judge,
    index_drop.judge,
    rewrite.judge,
    type_change.judge,
    not_null.judge,
    constraint.judge,
    drop.judge,
    rename.judge,
    attach.judge,
    statement.judge,
)
KINDS = frozenset(
    {
        index_build.KIND,
        index_drop.KIND,
        rewrite.KIND,
        type_change.KIND,
        not_null.KIND,
        *constraint.KINDS,
        drop.TABLE,
        drop.COLUMN,
        drop.VIEW,
        rename.KIND,
        attach.KIND,
        *statement.KINDS,
    }
)
"""Every name that a revision can allow."""

__all__ = ["KINDS", "Hazard", "Live", "Pending", "Step", "TableFacts", "judge_hazards"]


def judge_hazards(
    pending: Iterable[Pending], live: Live, allowed: Mapping[str, Mapping[str, str]]
) -> tuple[Hazard, ...]:
    """Find every hazard of the pending revisions, in their order, on the database as it is.

    ``allowed``: revision → kind → the reason that its script gives.
    """
    found = [hazard for step in steps(pending, live) for rule in RULES for hazard in rule(step)]
    reasons = [allowed.get(hazard.revision, {}).get(hazard.kind, "") for hazard in found]
    return tuple(replace(one, allowed=reason) for one, reason in zip(found, reasons, strict=True))
