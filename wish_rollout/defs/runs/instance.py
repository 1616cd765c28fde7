"""Opening Dagster's instance, so that what is wrong with it is told at once, and in a sentence."""

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
    """Open Dagster's instance: DAGSTER_HOME, or the folder of rollout.toml; raise DagsterUnavailable."""
    os.environ[HOME] = os.environ.get(HOME) or str(config.root)
    _knock(config)
    try:
        instance = dg.DagsterInstance.get()
    except Exception as error:  # noqa: BLE001  (the driver's own classes, whichever storage is configured)
        raise DagsterUnavailable(os.environ[HOME], type(error).__name__, _first_line(error)) from None
    # each event would open a connection of its own otherwise: a third of a short run's time
    instance.optimize_for_webserver(
        statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
    )
    return instance


def _knock(config: Config) -> None:
    """Connect once to Dagster's database: its own storage would try for 12 s, and tell each try in a log.

    A URL that names no driver gets the one that dagster-postgres is made for: SQLAlchemy would take another.
    """
    url, home = os.environ.get(DAGSTER_VARIABLE), os.environ[HOME]
    if not url:
        if _names_the_variable(Path(home) / "dagster.yaml"):
            raise DagsterUnavailable(home, "MissingUrl", f"{DAGSTER_VARIABLE} is not set")
        return
    try:
        with connect(url, DAGSTER_VARIABLE) as connection:
            refuse_foreign_dagster_database(config, connection)
    except NotDagsterDatabase:
        raise
    except RolloutError as error:
        told = error.fill(error.summary).rstrip(".")
        raise DagsterUnavailable(home, type(error).__name__, told) from None
    os.environ[DAGSTER_VARIABLE] = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", url.strip())


def _names_the_variable(file: Path) -> bool:
    try:
        return DAGSTER_VARIABLE in file.read_text(encoding="utf-8")
    except OSError:
        return False


def _first_line(error: BaseException) -> str:
    text = redact(str(error)).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
