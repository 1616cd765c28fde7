"""The targets of a run: Dagster gives it a range of partitions, whose order may have changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.fleets.backfills import TargetsOfRunUnknown
from wish_rollout.defs.fleet.backfills import BACKFILL, RANGE, FleetBackfills

if TYPE_CHECKING:
    from collections.abc import Sequence


def targets_of_run(
    run: dg.DagsterRun, backfills: FleetBackfills, names: Sequence[str], *, is_of_wave: bool
) -> list[str]:
    """Return the names of the targets of a run. ``names``: the partitions that are in its range now.

    A run of a backfill has only those that its backfill contains. A run that is executed again has those of the first run. A run
    of a wave may have none, because the step that has launched it works on what is left. Raises TargetsOfRunUnknown.
    """
    found = list(names)
    if run.parent_run_id and RANGE in run.tags:
        root = run.root_run_id or run.parent_run_id
        found = planned_targets(backfills, root)
        if not found:
            raise TargetsOfRunUnknown(backfills.env.name, root)
    identifier = run.tags.get(BACKFILL)
    backfill = backfills.read(identifier) if identifier else None
    found = [name for name in found if backfill is None or name in backfill.targets]
    if not found and not is_of_wave:
        raise TargetsOfRunUnknown(backfills.env.name, run.run_id)
    return found


def planned_targets(backfills: FleetBackfills, run: str) -> list[str]:
    """Return the partitions that Dagster recorded for a run when it was created; none if the run was deleted."""
    found: list[str] = []
    planned = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    for entry in backfills.instance.all_logs(run, of_type=planned):
        data = entry.dagster_event.asset_materialization_planned_data if entry.dagster_event else None
        if data and data.asset_key == backfills.key:
            subset = data.partitions_subset
            found += subset.get_partition_keys() if subset else filter(None, [data.partition])
    return found
