"""Readings of several databases at the same time, so that one that does not answer delays no other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import DatabaseUnreachable
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.facts.state_token import read_state_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.defs.drift.cursor import DriftCursor
    from wish_rollout.rollout.project.project import Project

SECONDS_OF_READINGS = 40.0
"""The longest time of all readings of a tick. Dagster gives up a tick after 60 s, and then no database is reported."""
PARALLEL_READINGS = 8


@dataclass(frozen=True)
class Reading:
    """What was read of a database. ``state``: None if the state token and the release are those of the cursor."""

    token: str
    state: DatabaseState | None


def read_environments(
    project: Project, cursors: Mapping[str, DriftCursor], release: str
) -> dict[str, Reading | RolloutError]:
    """Return the reading of each environment, or the error that prevented it. ``release``: its digest.

    A database that has not answered after SECONDS_OF_READINGS is unreachable. One that was not tried until then, because
    others took the time, is left out. Databases that answered in the last tick are tried first. Other exceptions are raised.
    """
    pool = ThreadPoolExecutor(PARALLEL_READINGS, thread_name_prefix="drift")
    order = sorted(cursors, key=lambda name: cursors[name].silent_ticks)
    futures = {name: pool.submit(_read, project, name, cursors[name], release) for name in order}
    wait(futures.values(), timeout=SECONDS_OF_READINGS)
    pool.shutdown(wait=False, cancel_futures=True)
    found: dict[str, Reading | RolloutError] = {}
    for name, future in futures.items():
        if future.cancelled():
            continue
        if future.done():
            found[name] = future.result()
        else:
            source = project.config.find_environment(name).source
            reason = f"no answer within {SECONDS_OF_READINGS:g} s"
            found[name] = DatabaseUnreachable(source, "its server", reason)
    return found


def _read(project: Project, name: str, cursor: DriftCursor, release: str) -> Reading | RolloutError:
    """Read the state token of a database, and its schema unless token and release are those of the cursor."""
    try:
        target = project.target(name, f"wish-rollout drift sensor {name}")
        with target.connect() as connection:
            token, _ = read_state_token(connection, target.scope.version_table)
            is_known = (token, release) == (cursor.token, cursor.release) and cursor.verdict
            return Reading(token, None if is_known else read_database_state(connection, target.scope))
    except RolloutError as error:
        return error
