"""Bring a scratch database to a recorded position by the recorded statements, instead of by the scripts.

The schema is read afterwards and compared with the recorded one, so that nothing rests on statements that do something
else than the scripts did, such as those whose secrets are masked.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.revisions.runs.script_runs import migrate
from wish_rollout.revisions.sessions.shared_session import RESET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.revisions.records.recorded_schemas import Recorded
    from wish_rollout.revisions.runs.run_parameters import ScriptRun

MARKERS = frozenset({"BEGIN", "COMMIT"})
"""They are recorded where a script leaves its transaction, and where it enters one again."""
TOGETHER = 20
"""The statements of so many revisions are sent in one message."""


class NotAsRecordedError(Exception):
    """The recorded statements do not lead to the recorded schema."""


def apply_recorded(
    run: ScriptRun, recorded: Recorded, order: list[str], position: Position, scope: Scope
) -> None:
    """Execute the statements of recorded revisions in a database without revisions, and set the version table.

    ``order``: the revisions. ``position``: where they lead to. Raise NotAsRecordedError.
    """
    migrate(run, position, "stamp")
    try:
        with _script_settings(run):
            for text in _messages(recorded.records[name].upgrade for name in order):
                run.connection.execute(text.encode())
    except (psycopg.Error, UnicodeError) as error:
        raise NotAsRecordedError(str(error)) from error
    if found := difference(recorded.end(position), read_snapshot(run.connection, scope)):
        raise NotAsRecordedError(f"{len(found.changes)} differences")


def _messages(revisions: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield what is sent: many revisions at once, each in its transaction; and each statement outside of one alone."""
    waiting: list[str] = []
    for statements in revisions:
        if MARKERS.isdisjoint(statements):
            waiting += ["BEGIN", *statements, "COMMIT"] if statements else []
            if waiting.count("BEGIN") < TOGETHER:
                continue
            yield _joined(waiting)
            waiting = []
            continue
        yield from [_joined(waiting)] if waiting else []
        waiting = []
        yield from _parts(statements)
    if waiting:
        yield _joined(waiting)


def _parts(statements: Iterable[str]) -> Iterator[str]:
    """Yield the parts of a revision that leaves its transaction."""
    inside: list[str] | None = []
    for statement in (*statements, "COMMIT"):
        if statement not in MARKERS:
            if inside is None:
                yield statement
            else:
                inside.append(statement)
        elif inside is not None:
            yield from [_joined(["BEGIN", *inside, "COMMIT"])] if inside else []
            inside = None
        else:
            inside = []


def _joined(statements: Iterable[str]) -> str:
    return "".join(f"{statement}\n;\n" for statement in statements)


@contextmanager
def _script_settings(run: ScriptRun) -> Iterator[None]:
    """Have the settings meanwhile that scripts have."""
    connection: psycopg.Connection[Any] = run.connection
    connection.execute("select set_config('search_path', %s, false)", [run.search_path])
    try:
        yield
    finally:
        if not connection.closed:
            connection.rollback()
            connection.execute(RESET)
