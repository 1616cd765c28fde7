"""Backfills of Dagster. Only this module uses functions for them that are not in Dagster's public API.

As GraphQL's launchPartitionBackfill does, a backfill is stored in the instance. Dagster's daemon reads it, and launches
its runs through the instance's run coordinator and run launcher.
"""

from __future__ import annotations

import secrets
import string
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.data_version import CODE_VERSION_TAG

from wish_rollout.core.errors.fleets.backfills import BackfillsNotSupported
from wish_rollout.core.text.redaction import escape_to_one_line, redact
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.fleet.partitions import fleet_partitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wish_rollout.config import Config, Environment

BACKFILL = "dagster/backfill"
"""The tag of a run of a backfill: the ID of the backfill."""
RANGE = "dagster/asset_partition_range_start"
PAGE = 500
HEARTBEAT_SECONDS = 120
"""A daemon writes a heartbeat every 30 s."""
QUEUE = "QUEUED_RUN_COORDINATOR"
UNFINISHED = ("REQUESTED", "CANCELING", "FAILING")
SUCCEEDED = ("COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED")
"""The daemon has launched all runs, and they have ended."""


@contextmanager
def dagsters_functions(env: Environment) -> Iterator[None]:
    """Raise BackfillsNotSupported if a function of Dagster in the block is missing or is called in another way."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as error:
        reason = escape_to_one_line(redact(str(error)))[:200]
        raise BackfillsNotSupported(env.name, dg.__version__, reason) from None


@dataclass(frozen=True)
class Backfill:
    """A backfill. ``status``: the name in Dagster. ``targets``: the partitions of the fleet. ``error``: why it has failed."""

    identifier: str
    status: str
    targets: frozenset[str]
    error: str = ""


def new_identifier() -> str:
    """Return an ID for a backfill."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(8))


@dataclass(frozen=True)
class FleetBackfills:
    """The backfills of ``schema/<env>``. Each method raises BackfillsNotSupported."""

    instance: dg.DagsterInstance
    config: Config
    env: Environment

    @property
    def key(self) -> dg.AssetKey:
        """The key of the asset."""
        return schema_key(self.env.name, self.config.project.name)

    def request(self, identifier: str, targets: Sequence[str], tags: Mapping[str, str], title: str) -> None:
        """Request a backfill of some targets. ``tags``: those of its runs."""
        with dagsters_functions(self.env):
            from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
            from dagster._core.execution.backfill import PartitionBackfill

            subset = fleet_partitions(self.config, self.env).subset_with_partition_keys(targets)
            backfill = PartitionBackfill.from_asset_graph_subset(
                backfill_id=identifier,
                backfill_timestamp=time.time(),
                tags=tags,
                dynamic_partitions_store=self.instance,
                asset_graph_subset=AssetGraphSubset({self.key: subset}),  # type: ignore[call-arg]
                title=title,
                description=None,
                run_config=None,
            )
            self.instance.add_backfill(backfill)

    def read(self, identifier: str) -> Backfill | None:
        """Return a backfill; None if it was deleted."""
        with dagsters_functions(self.env):
            found = self.instance.get_backfill(identifier)
            return self._value(found) if found else None

    def unfinished(self) -> list[Backfill]:
        """Return the backfills that the daemon still works on."""
        with dagsters_functions(self.env):
            from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

            statuses = BulkActionsFilter(statuses=[BulkActionStatus(name) for name in UNFINISHED])
            found = map(self._value, self.instance.get_backfills(filters=statuses))
            return [each for each in found if each.targets]

    def recorded_code_versions(self) -> dict[str, str]:
        """Return the code version of the latest materialization of each target that has one."""
        found: dict[str, str] = {}
        with dagsters_functions(self.env):
            latest = self.instance.get_latest_storage_id_by_partition(
                self.key, dg.DagsterEventType.ASSET_MATERIALIZATION
            )
            numbers = sorted(latest.values())
            for start in range(0, len(numbers), PAGE):
                some = dg.AssetRecordsFilter(self.key, storage_ids=numbers[start : start + PAGE])
                for record in self.instance.fetch_materializations(some, limit=PAGE).records:
                    event = record.asset_materialization
                    if event and event.partition:
                        found[event.partition] = (event.tags or {}).get(CODE_VERSION_TAG, "")
        return found

    def _value(self, found: Any) -> Backfill:
        data = found.asset_backfill_data
        subsets = data.target_subset.partitions_subsets_by_asset_key if data else {}
        targets = frozenset(subsets[self.key].get_partition_keys()) if self.key in subsets else frozenset()
        text = escape_to_one_line(redact(found.error.message.strip().rstrip("."))) if found.error else ""
        return Backfill(found.backfill_id, found.status.value, targets, text)

    def silent_daemon(self) -> bool:
        """Return whether a daemon that launches the runs of a backfill has written no heartbeat lately."""
        with dagsters_functions(self.env):
            required = set(self.instance.get_required_daemon_types())
            needed = {"BACKFILL", *(required & {QUEUE})}
            beats = self.instance.get_daemon_heartbeats()
            oldest = time.time() - HEARTBEAT_SECONDS
            return not needed <= required or any(
                name not in beats or beats[name].timestamp < oldest for name in needed
            )

    def most_runs(self) -> int:
        """Return how many runs may be in progress at the same time; -1 if their number is not limited."""
        with dagsters_functions(self.env):
            if QUEUE not in self.instance.get_required_daemon_types():
                return -1
            queue = self.instance.get_concurrency_config().run_queue_config
            return queue.max_concurrent_runs if queue else -1
