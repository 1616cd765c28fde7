"""The list of a fleet's partitions, and its order: a run of a backfill has a range of it, so those of a wave must be adjacent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.defs.fleet.backfills import BACKFILL, RANGE
from wish_rollout.defs.fleet.partitions import partitions_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.defs.fleet.backfills import FleetBackfills

WAITING = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)
"""Statuses of runs that may not yet have read which partitions they have."""


def refresh_partitions(backfills: FleetBackfills, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Make the partitions those of the list of targets; return the names that were added and removed.

    The events of a removed target are kept; Dagster shows them again if the target comes back.
    """
    instance, name = backfills.instance, partitions_name(backfills.config, backfills.env)
    added, removed = differing_partitions(backfills, names)
    if added:
        instance.add_dynamic_partitions(name, added)
    for each in removed:
        instance.delete_dynamic_partition(name, each)
    return added, removed


def differing_partitions(backfills: FleetBackfills, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the targets that have no partition, and the partitions without a target that can be removed now.

    Dagster's daemon cancels a backfill with all its runs if one of its partitions is removed.
    """
    name = partitions_name(backfills.config, backfills.env)
    known = set(backfills.instance.get_dynamic_partitions(name))
    gone = known.difference(names)
    used = [each.targets for each in backfills.unfinished()] if gone else []
    return [each for each in names if each not in known], sorted(gone.difference(*used))


def make_adjacent(backfills: FleetBackfills, names: Sequence[str]) -> None:
    """Move the partitions of some targets to the end of the list, unless they are adjacent already.

    Otherwise a backfill of them would have a run for each gap between them. The order is left as it is while other runs or
    backfills need it. A partition that is missing for a moment is added again by the sensor of the list, if this process is
    killed.
    """
    instance, name = backfills.instance, partitions_name(backfills.config, backfills.env)
    known = instance.get_dynamic_partitions(name)
    chosen = set(names)
    places = [place for place, each in enumerate(known) if each in chosen]
    if not places or places[-1] - places[0] < len(places) or is_order_needed(backfills, chosen):
        return
    for each in names:
        instance.delete_dynamic_partition(name, each)
    instance.add_dynamic_partitions(name, list(names))


def is_order_needed(backfills: FleetBackfills, names: set[str]) -> bool:
    """Return whether a backfill of some targets is not at its end, or a run that belongs to no backfill has a range of targets."""
    if any(each.targets & names for each in backfills.unfinished()):
        return True
    runs = backfills.instance.get_runs(dg.RunsFilter(statuses=WAITING))
    return any(
        RANGE in run.tags and BACKFILL not in run.tags and backfills.key in (run.asset_selection or ())
        for run in runs
    )
