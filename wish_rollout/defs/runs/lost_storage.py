"""The end of a run whose Dagster database stopped: the environments' ledgers tell what was done."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any, TextIO, cast

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.databases import DagsterLost
from wish_rollout.postgres.records.ledger import read
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Config

STORAGE_PACKAGES = frozenset({"sqlalchemy", "psycopg2", "dagster_postgres"})
"""Packages whose exceptions come from the storage: a step turns its own exceptions into events."""
RETRY_MESSAGE = "Retrying failed database"
EVENT_MESSAGE = "Exception while writing logger call to event log"
NOTHING_DONE = "no environment was changed by it"


@contextmanager
def dagster_loss_as_error(config: Config, run_id: str) -> Iterator[None]:
    """Raise an error of Dagster's storage as DagsterLost, which says what the run has done."""
    try:
        with suppressed_storage_messages():
            yield
    except Exception as error:
        if not is_storage_error(error):
            raise
        raise DagsterLost(run_id, describe_acts(config, run_id)) from None


@contextmanager
def suppressed_storage_messages() -> Iterator[None]:
    """Suppress Dagster's messages about its storage: they quote SQL and events, and DagsterLost says the same."""

    def is_other(record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith(RETRY_MESSAGE)

    logging.root.addFilter(is_other)
    try:
        with redirect_stderr(cast("TextIO", _FilteredStream(sys.stderr))):
            yield
    finally:
        logging.root.removeFilter(is_other)


class _FilteredStream:
    """A text stream without Dagster's messages about events that it could not store."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, unless it is such a message."""
        return len(text) if text.startswith(EVENT_MESSAGE) else self._stream.write(text)


def is_storage_error(error: BaseException | None) -> bool:
    """Return whether an exception, or one of its causes, is from the storage of Dagster's instance."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if type(error).__module__.partition(".")[0] in STORAGE_PACKAGES:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def describe_acts(config: Config, run_id: str) -> str:
    """Return what a run has done in each environment, from their ledgers, in one line."""
    project, done, unread = Project(config), [], []
    for env in config.single_environments:
        try:
            with project.target(env.name).connect() as connection:
                acts = [entry.act for entry in read(connection) if entry.act.run == run_id]
        except (RolloutError, psycopg.Error):
            unread.append(env.name)
            continue
        done += [f"{env.name}: {act.act} {act.start} → {act.end}" for act in acts]
    text = "; ".join(done) or NOTHING_DONE
    return f"{text} (the ledger of {', '.join(unread)} could not be read)" if unread else text
