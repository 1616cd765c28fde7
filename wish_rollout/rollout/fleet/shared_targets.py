"""Targets of a fleet that have one database by different addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from wish_rollout.core.errors.fleets.target_lists import TargetsShareDatabase
from wish_rollout.rollout.fleet.target_errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.fleet.results import TargetPlan, TargetStatus

Read = TypeVar("Read", "TargetStatus", "TargetPlan")


def with_shared_databases(environment: str, items: Iterable[Read]) -> Iterator[Read]:
    """Yield the statuses or plans of a fleet; a second target with the same database has the error TargetsShareDatabase."""
    first: dict[str, str] = {}
    for item in items:
        other = first.setdefault(item.instance, item.target) if item.instance else item.target
        if other == item.target:
            yield item
        else:
            yield replace(item, error=describe_error(TargetsShareDatabase(environment, item.target, other)))
