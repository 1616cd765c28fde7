"""Measure the statements of the scripts while they run on a scratch database."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psycopg import errors
from psycopg.pq import TransactionStatus

from wish_rollout.core.archive.table_identities import equivalent_statements
from wish_rollout.core.release.measurements import StatementMeasurement, statement_digest
from wish_rollout.core.release.statement_repeatability import (
    StatementKind,
    classify_text,
    may_hide_ddl,
    may_write_rows,
)
from wish_rollout.postgres.execution.lock_measurement import LockMeter
from wish_rollout.postgres.execution.table_identity_queries import read_identities
from wish_rollout.postgres.execution.write_measurement import measure_writes
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.statements.run_hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import psycopg

    from wish_rollout.core.archive.table_identities import Identities
    from wish_rollout.revisions.statements.run_hooks import Sent

NOT_IN_TRANSACTION = (errors.ActiveSqlTransaction, errors.InvalidTransactionTermination)
"""Errors of a statement that cannot run in a transaction block, or of a procedure that commits."""


class StatementMeter:
    """The hook that executes the statements of the scripts and measures each."""

    def __init__(self, session: psycopg.Connection[Any], observer: psycopg.Connection[Any]) -> None:
        self.session = session
        self.meter = LockMeter(session, observer)
        self.hooks = Hooks(run=self.run)
        self._begun = ""
        self._found: dict[str, list[StatementMeasurement]] = {}

    def take(self, revision: str) -> tuple[StatementMeasurement, ...]:
        """Return what was measured of a revision since the last call, in the order of execution."""
        self._begun = ""
        return tuple(self._found.pop(revision, ()))

    def run(self, sent: Sent) -> None:
        """Execute a statement and measure it.

        A statement outside of the revision's transaction gets a transaction of its own, as in a migration, unless it
        cannot run in a transaction block: then its locks are unknown.
        """
        digest = statement_digest(sent.text)
        if not sent.outside:
            self._begin(sent.revision)
            before = self._identities(sent)
            sent.execute()
            measurement = self._measure(digest, sent, outside=False)
            self._add(sent, self._with_effects(measurement, before))
            return
        self._begun = ""
        before = self._identities(sent)
        measured = self._measure_alone(digest, sent)
        if measured is None:
            sent.execute()
        unknown = StatementMeasurement(digest, outside=True, locks=None)
        self._add(sent, self._with_effects(measured or unknown, before))

    def _measure_alone(self, digest: str, sent: Sent) -> StatementMeasurement | None:
        """Execute a statement in a transaction of its own, and measure it; None if it cannot run in a transaction block."""
        if classify_text(sent.statement) is StatementKind.OUTSIDE_TRANSACTION:
            return None
        try:
            with self.session.transaction():
                self.meter.begin()
                sent.execute()
                return self._measure(digest, sent, outside=True)
        except NOT_IN_TRANSACTION:
            return None

    def _measure(self, digest: str, sent: Sent, *, outside: bool) -> StatementMeasurement:
        """Measure the statement that was executed last, and then what it writes, unless it writes in batches."""
        measurement = self.meter.measure(digest, outside=outside)
        if sent.again or not may_write_rows(sent.text):
            return measurement
        writes = measure_writes(self.session, sent.text, measurement)
        self._begun = ""  # what that has scanned is not the next statement's
        return replace(measurement, writes=writes)

    def _identities(self, sent: Sent) -> Identities:
        """Return the tables before a statement whose text may not show what it does to them; otherwise none."""
        is_failed = self.session.info.transaction_status == TransactionStatus.INERROR
        return read_identities(self.session) if may_hide_ddl(sent.text) and not is_failed else {}

    def _with_effects(self, measurement: StatementMeasurement, before: Identities) -> StatementMeasurement:
        """Add what the statement has done to the tables that were there before, if its text may not show it."""
        if not before or self.session.info.transaction_status == TransactionStatus.INERROR:
            return measurement
        after = read_identities(self.session)
        scanned = frozenset(measurement.scans)
        return (
            measurement
            if after == before
            else replace(measurement, does=equivalent_statements(before, after, scanned))
        )

    def _begin(self, revision: str) -> None:
        """Begin to measure where a script or a transaction begins. Locks of Alembic's own statements are left out.

        In a transaction that has failed, a script may still roll back to a savepoint.
        """
        status = self.session.info.transaction_status
        if status == TransactionStatus.INERROR:
            return
        if self._begun != revision or status == TransactionStatus.IDLE:
            self.meter.begin()
            self._begun = revision

    def _add(self, sent: Sent, measurement: StatementMeasurement) -> None:
        self._found.setdefault(sent.revision, []).append(
            replace(measurement, line=_script_line(sent.revision))
        )


def _script_line(revision: str) -> int:
    """Return the line of the revision's script that is being executed, or 0 if another file sends the statement."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  (the documented way to the calling frames)
    while frame is not None:
        if frame.f_globals.get("revision") == revision and "upgrade" in frame.f_globals:
            return frame.f_lineno
        frame = frame.f_back
    return 0


@contextmanager
def measure_statements(session: psycopg.Connection[Any], url: str, source: str) -> Iterator[StatementMeter]:
    """Yield a meter for the scripts that run on a session of the database at ``url``.

    ``source``: the name of the database in errors. Raises what ``connect`` raises.
    """
    with connect(url, source) as observer:
        yield StatementMeter(session, observer)
