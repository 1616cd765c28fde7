"""Opening of Dagster's instance, with one clear error if its storage is unavailable."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.configuration import DagsterUnavailable, NotDagsterDatabase
from wish_rollout.core.text.redaction import redact
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.inspection.dagster_database import refuse_foreign_dagster_database
from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

if TYPE_CHECKING:
    from wish_rollout.config import Config

STATEMENT_TIMEOUT_MS = 60_000
HOME = "DAGSTER_HOME"


def open_instance(config: Config) -> dg.DagsterInstance:
    """Return the Dagster instance of DAGSTER_HOME, or of the folder of rollout.toml if it is not set.

    Raises DagsterUnavailable if the instance cannot be opened, and NotDagsterDatabase if its database is not
    reserved for Dagster.
    """
    os.environ[HOME] = os.environ.get(HOME) or str(config.root)
    _check_dagster_database(config)
    try:
        instance = dg.DagsterInstance.get()
    except Exception as error:  # noqa: BLE001  (each storage raises its driver's own classes)
        raise DagsterUnavailable(os.environ[HOME], type(error).__name__, _first_line(error)) from None
    # without a pool, each event opens a connection: a third of a short run's time
    instance.optimize_for_webserver(
        statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
    )
    return instance


def _check_dagster_database(config: Config) -> None:
    """Connect to Dagster's database once, because Dagster's storage retries for 12 s and logs each attempt.

    A URL without a driver gets psycopg2, which dagster-postgres requires. SQLAlchemy 2.1 would select psycopg 3.
    """
    url, home = os.environ.get(DAGSTER_VARIABLE), os.environ[HOME]
    if not url:
        if _mentions_variable(Path(home) / "dagster.yaml"):
            raise DagsterUnavailable(home, "DatabaseUrlMissing", f"{DAGSTER_VARIABLE} is not set")
        return
    try:
        with connect(url, DAGSTER_VARIABLE) as connection:
            refuse_foreign_dagster_database(config, connection)
    except NotDagsterDatabase:
        raise
    except RolloutError as error:
        reason = error.fill(error.summary).rstrip(".")
        raise DagsterUnavailable(home, type(error).__name__, reason) from None
    os.environ[DAGSTER_VARIABLE] = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", url.strip())


def _mentions_variable(file: Path) -> bool:
    try:
        return DAGSTER_VARIABLE in file.read_text(encoding="utf-8")
    except OSError:
        return False


def _first_line(error: BaseException) -> str:
    text = redact(str(error)).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
