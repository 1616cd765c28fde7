"""Opening of Dagster's instance, with one clear error if its storage is unavailable."""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.configuration import DatabaseUrlMalformed
from wish_rollout.core.errors.dagster import DagsterUnavailable
from wish_rollout.core.errors.databases import DatabaseMissing, DatabaseUnreachable, LoginRefused
from wish_rollout.core.text.redaction import redact
from wish_rollout.postgres.catalog.foreign_objects import has_all_dagster_tables
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.postgres.sessions.process_locks import acquire_process_lock
from wish_rollout.rollout.inspection.dagster_database import (
    claim_project_name,
    refuse_foreign_dagster_database,
    refuse_taken_project_name,
)
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Config

STATEMENT_TIMEOUT_MS = 60_000
STORAGE_LOCK = "dagster storage"
STORAGE_LOCK_SECONDS = 120
STORAGE_LOCK_POLL_SECONDS = 0.1
LOAD_SECONDS = 3
HOME = "DAGSTER_HOME"


@contextmanager
def open_instance(config: Config) -> Iterator[dg.DagsterInstance]:
    """Yield the Dagster instance of DAGSTER_HOME, or of the folder of rollout.toml if it is not set.

    All its connections are closed afterwards. Raises DagsterUnavailable if the instance cannot be opened, and
    NotDagsterDatabase if its database is not reserved for Dagster.
    """
    with _find_instance(config) as instance:
        _keep_connections(instance)
        try:
            yield instance
        finally:
            _close_pools(instance)


def _keep_connections(instance: dg.DagsterInstance) -> None:
    """Let Dagster's own storage keep a connection: to open one for each event takes a third of a short run's time.

    It then keeps one for each storage, and an event of an asset needs two, so that the storage of this package is better.
    """
    from wish_rollout.dagster_storage import limit_statements

    if not limit_statements(instance.event_log_storage, STATEMENT_TIMEOUT_MS):
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
        )


def _close_pools(instance: dg.DagsterInstance) -> None:
    """Close the pooled connections, which ``DagsterInstance.dispose`` leaves open."""
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        engine = getattr(storage, "_engine", None)
        if engine is not None:
            engine.dispose()


def _find_instance(config: Config) -> dg.DagsterInstance:
    os.environ[HOME] = os.environ.get(HOME) or str(config.root)
    with _checked_storage(config):
        try:
            return dg.DagsterInstance.get()
        except Exception as error:  # noqa: BLE001  (each storage raises its driver's own classes)
            raise DagsterUnavailable(os.environ[HOME], type(error).__name__, _first_line(error)) from None


@contextmanager
def _checked_storage(config: Config) -> Iterator[None]:
    """Check Dagster's database, and hold its storage lock while the block creates the tables that it lacks.

    Dagster's storage retries for 12 s and logs each attempt, so it is connected to here first. A URL without a driver
    gets psycopg2, which dagster-postgres requires. SQLAlchemy 2.1 would select psycopg 3. Raises DagsterUnavailable,
    NotDagsterDatabase, ProjectNameTaken, and what reading the scripts raises.
    """
    url, home = os.environ.get(DAGSTER_VARIABLE), os.environ[HOME]
    if not url:
        if _mentions_variable(Path(home) / "dagster.yaml"):
            raise DagsterUnavailable(home, "DatabaseUrlMissing", f"{DAGSTER_VARIABLE} is not set")
        yield
        return
    try:
        connection = connect(url, DAGSTER_VARIABLE)
    except RolloutError as error:
        raise _unavailable(home, error) from None
    with connection:
        try:
            registered = refuse_taken_project_name(config, connection)
            if not has_all_dagster_tables(connection):
                hold_storage_lock(connection, home)
            refuse_foreign_dagster_database(config, connection)
        except psycopg.Error as error:
            raise _unavailable(home, error) from None
        os.environ[DAGSTER_VARIABLE] = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", url.strip())
        yield
        if not registered:
            with suppress(psycopg.Error):  # a missing registration only means that no clash can be seen
                claim_project_name(config, connection)


def _unavailable(home: str, error: RolloutError | psycopg.Error) -> DagsterUnavailable:
    text = error.fill(error.summary) if isinstance(error, RolloutError) else _first_line(error)
    return DagsterUnavailable(home, type(error).__name__, text.rstrip("."))


def refuse_taken_name_at_load(config: Config) -> None:
    """Raise ProjectNameTaken if another project uses this project's name. Other errors do not prevent a load."""
    with suppress(DatabaseMissing, DatabaseUnreachable, DatabaseUrlMalformed, LoginRefused, psycopg.Error):
        if url := os.environ.get(DAGSTER_VARIABLE):
            with connect(url, DAGSTER_VARIABLE, timeout=LOAD_SECONDS) as connection:
                refuse_taken_project_name(config, connection)


def hold_storage_lock(connection: psycopg.Connection[Any], home: str) -> None:
    """Take the lock under which Dagster's tables are created, until the connection is closed.

    Several processes may open an empty database at once. The first one creates the tables; the others wait for at most
    STORAGE_LOCK_SECONDS. Raises DagsterUnavailable.
    """
    end = time.monotonic() + STORAGE_LOCK_SECONDS
    while not acquire_process_lock(connection, STORAGE_LOCK):
        if time.monotonic() > end:
            reason = f"another process has been creating its tables for {STORAGE_LOCK_SECONDS} s"
            raise DagsterUnavailable(home, "LockTimeout", reason)
        time.sleep(STORAGE_LOCK_POLL_SECONDS)


def _mentions_variable(file: Path) -> bool:
    try:
        return DAGSTER_VARIABLE in file.read_text(encoding="utf-8")
    except OSError:
        return False


def _first_line(error: BaseException) -> str:
    text = redact(str(error)).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
