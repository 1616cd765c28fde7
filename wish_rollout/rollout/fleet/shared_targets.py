"""Targets of a fleet that have one database by different addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.errors.fleets.target_lists import TargetsShareDatabase
from wish_rollout.rollout.fleet.target_errors import describe_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.fleet.results import TargetStatus


def with_shared_databases(environment: str, statuses: Iterable[TargetStatus]) -> Iterator[TargetStatus]:
    """Yield the statuses of a fleet; a second target with the same database has the error TargetsShareDatabase."""
    first: dict[str, str] = {}
    for status in statuses:
        other = first.setdefault(status.instance, status.target) if status.instance else status.target
        if other == status.target:
            yield status
        else:
            yield replace(
                status, error=describe_error(TargetsShareDatabase(environment, status.target, other))
            )
