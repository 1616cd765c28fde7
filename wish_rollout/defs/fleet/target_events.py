"""The events of a fleet's targets that the runs of one backfill have recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.fleet.results import Outcome
from wish_rollout.defs.fleet.events import result_of_event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from wish_rollout.core.fleet.results import TargetResult

PAGE = 500
READ_AGAIN = 500
"""So many records before the last one are read again: one with a lower number may be committed later."""


@dataclass
class TargetEvents:
    """The events of the targets, which are partitions of the asset ``key``.

    ``start``: the number of the last record before. ``results``: the last one of each target that was begun, by name;
    NOT_BEGUN of the others that have an event.
    """

    instance: dg.DagsterInstance
    key: dg.AssetKey
    start: int
    results: dict[str, TargetResult] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_now(cls, instance: dg.DagsterInstance, key: dg.AssetKey) -> TargetEvents:
        """Return the events that are recorded after this call."""
        records = [
            *instance.fetch_materializations(key, limit=1).records,
            *instance.fetch_observations(key, limit=1).records,
        ]
        return cls(instance, key, max((record.storage_id for record in records), default=0))

    def read(self, runs: Collection[str]) -> None:
        """Read the events that were recorded since the last call. ``runs``: the IDs of the backfill's runs."""
        after = max(self.start, max(self._numbers.values(), default=0) - READ_AGAIN)
        for fetch in (self.instance.fetch_materializations, self.instance.fetch_observations):
            for record in self._records(fetch, after):
                event = record.asset_materialization or record.asset_observation
                name = event.partition if event else None
                if event is None or name is None or record.run_id not in runs:
                    continue
                self._keep(name, record.storage_id, result_of_event(event))

    def _keep(self, name: str, number: int, result: TargetResult) -> None:
        """Keep the result of a target, unless it has a later one.

        A run that Dagster executes again finds the targets that it has changed before unchanged. After the wave was stopped,
        it begins none, also of the targets that have failed before. Neither replaces what is known.
        """
        if result.outcome is Outcome.NOT_BEGUN:
            self.results.setdefault(name, result)
        elif number > self._numbers.get(name, 0):
            self._numbers[name] = number
            known = self.results.get(name)
            if not known or (known.outcome, result.outcome) != (Outcome.DONE, Outcome.UNCHANGED):
                self.results[name] = result

    def _records(
        self, fetch: Callable[..., dg.EventRecordsResult], after: int
    ) -> Iterator[dg.EventLogRecord]:
        cursor = None
        wanted = dg.AssetRecordsFilter(self.key, after_storage_id=after)
        while True:
            page = fetch(wanted, limit=PAGE, cursor=cursor, ascending=True)
            yield from page.records
            if not page.has_more:
                return
            cursor = page.cursor
