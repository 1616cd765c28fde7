"""Dagster's instance for the ticks of a code server: opened once, with its connections.

``SensorEvaluationContext.instance`` is opened by each tick, and its storages open a connection for each query: together
this is most of the time of a tick that has nothing to do.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import dagster as dg

from wish_rollout.defs.runs.instance import STATEMENT_TIMEOUT_MS, close_pools
from wish_rollout.defs.runs.lost_storage import is_storage_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster._core.instance.ref import InstanceRef

T = TypeVar("T")

_shared: dict[str, tuple[InstanceRef, dg.DagsterInstance]] = {}
"""At most one entry: a code server serves one instance."""
_lock = Lock()


def with_tick_instance(context: dg.SensorEvaluationContext, work: Callable[[dg.DagsterInstance], T]) -> T:
    """Return what ``work`` returns for the instance of a tick, on connections that are kept for the next tick.

    If they were lost, for example because the database has restarted, ``work`` is called again with an instance of the
    tick's own. So ``work`` must change nothing. Raises what ``work`` raises.
    """
    reference = context.instance_ref
    if reference is None:
        return work(context.instance)
    try:
        return work(_shared_instance(reference))
    except Exception as error:
        if not is_storage_error(error):
            raise
        close_tick_instance()
    return work(context.instance)


def _shared_instance(reference: InstanceRef) -> dg.DagsterInstance:
    with _lock:
        known = _shared.get("instance")
        if known and known[0] == reference:
            return known[1]
        _close()
        instance = dg.DagsterInstance.from_ref(reference)
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
        )
        _shared["instance"] = reference, instance
        return instance


def close_tick_instance() -> None:
    """Close the instance and its connections. The next tick opens another one."""
    with _lock:
        _close()


def _close() -> None:
    if known := _shared.pop("instance", None):
        close_pools(known[1])
        known[1].dispose()
