"""A backfill: an UPDATE of many rows in batches that commit, while other sessions read and write the table."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.operations.operation_sql import quoted, scalar, text_clause
from wish_rollout.revisions.statements.backfill_statements import (
    LEFT_ROWS,
    PAGES,
    READ_SETTING,
    SIZE,
    WRITE_SETTING,
    batch_statement,
)
from wish_rollout.revisions.statements.helper_statements import literal
from wish_rollout.revisions.statements.internal_statements import AGAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOG = logging.getLogger("alembic.runtime.migration")
ROW_LOCKED = "55P03", "40P01"
"""lock_not_available and deadlock_detected (manual, appendix A)."""


BATCH_SECONDS = 0.08
"""The time that a batch should take; its row locks are held for so long."""
LOG_SECONDS = 5.0
SETTINGS = {"lock_timeout": "25ms", "synchronous_commit": "off"}
"""A batch waits for so long for a row that another session has locked; then it leaves out the locked rows. A batch that
a crash of the server undoes is updated again, so its commit need not wait for the disk: the next commit of the revision
does (manual, 28.4 Asynchronous Commit)."""


class NotFilled(RuntimeError):
    """A backfill cannot be completed."""


def backfill(  # noqa: PLR0913
    table: str,
    values: Mapping[str, str],
    *,
    where: str,
    schema: str | None = None,
    pages: int = 16,
    pause: float = 0,
    patience: float = 60,
) -> int:
    """Update the rows that meet ``where``, in batches that commit; return the number of updated rows.

    ``values``: column → SQL expression. ``where`` must be false for a row once it is updated, so that a second
    call continues where the first was interrupted. ``pages``: how many pages of the table the first batch updates;
    later batches have as many as take about BATCH_SECONDS. ``pause``: seconds between batches, for vacuum and replicas.
    Rows that other sessions have locked are updated later; after ``patience`` seconds without any progress, or if
    ``where`` stays true, NotFilled is raised.
    """
    place = quoted(table, schema)
    sets = ", ".join(f"{quoted(column)} = {expression}" for column, expression in values.items())
    context = op.get_context()
    with context.autocommit_block():
        if context.as_sql:
            op.execute(f"UPDATE {place} SET {sets} WHERE {where}")  # noqa: S608
            return 0
        with _session_settings():
            return _fill(_Backfill(place, sets, where, pages, pause), patience)


def _fill(filling: _Backfill, patience: float) -> int:
    progressed = time.monotonic()
    while True:
        if filling.update_all_pages():
            progressed = time.monotonic()
        if not scalar(LEFT_ROWS.format(place=filling.place, where=filling.where)):
            return filling.done
        if time.monotonic() - progressed > patience:
            raise NotFilled(
                f"rows of {filling.place} that still meet {filling.where} stay locked by other sessions"
            )
        time.sleep(max(filling.pause, 0.05))


@contextmanager
def _session_settings() -> Iterator[None]:
    """Set the session's settings for a backfill. Under Wish Rollout, each statement has its own lock_timeout anyway."""
    before = {name: scalar(READ_SETTING.format(name=name)) for name in SETTINGS}
    for name, value in SETTINGS.items():
        scalar(WRITE_SETTING.format(name=name, value=value))
    try:
        yield
    finally:
        for name, value in before.items():
            scalar(WRITE_SETTING.format(name=name, value=value))


class _Backfill:
    """One backfill; ``pages``: of the next batch, adapted to the time that the last batch took."""

    def __init__(self, place: str, sets: str, where: str, pages: int, pause: float) -> None:
        self.place = place
        self.sets = sets
        self.where = where
        self.pages = pages
        self.pause = pause
        self.done = 0
        self.logged = time.monotonic()

    def update_all_pages(self) -> int:
        """Update the rows of all pages that no other session has locked; return how many."""
        before, start = self.done, 0
        size = int(scalar(SIZE.format(place=literal(self.place))) or 1)
        while start < size:
            count, started = self.pages, time.monotonic()
            updated = self._update_batch(PAGES.format(start=start, end=start + count))
            start += count
            self._adapt(time.monotonic() - started)
            self.done += updated
            if updated:
                self._log(start, size)
                if self.pause:
                    time.sleep(self.pause)
        return self.done - before

    def _adapt(self, seconds: float) -> None:
        """Choose the size of the next batch: it grows slowly, and shrinks at once."""
        self.pages = max(1, min(self.pages * 2, int(self.pages * BATCH_SECONDS / max(seconds, 0.001))))

    def _update_batch(self, pages: str) -> int:
        """Update the rows of some pages; if one is locked for longer than the lock_timeout, all but the locked rows."""
        try:
            return self._update(pages)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in ROW_LOCKED:
                raise
        return self._update(pages, skip_locked=True)

    def _update(self, pages: str, *, skip_locked: bool = False) -> int:
        counted = batch_statement(self.place, self.sets, self.where, pages, skip_locked=skip_locked)
        row = op.get_bind().execute(text_clause(counted), execution_options=AGAIN).one()
        if row[1]:
            raise NotFilled(
                f"rows of {self.place} still meet {self.where} after the update, so it would never end"
            )
        return int(row[0])

    def _log(self, page: int, size: int) -> None:
        if time.monotonic() - self.logged > LOG_SECONDS:
            self.logged = time.monotonic()
            LOG.info("backfill of %s: %d rows, page %d of %d", self.place, self.done, page, size)
