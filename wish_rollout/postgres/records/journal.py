"""``wish_rollout.journal``: which statements of a release that commits on its way are done, and which had begun.

A release that runs in one transaction leaves nothing here. One that does not has a row a statement until its
last act, which takes them away in its own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple

from wish_rollout.core.text.sql_tokens import find, name_at, skip, statements
from wish_rollout.postgres.execution.statement_results import StatementResult

if TYPE_CHECKING:
    import psycopg

TABLE: LiteralString = """
create table if not exists wish_rollout.journal (
    release text not null,
    revision text not null,
    statement text not null,
    nth int not null,
    expected text not null,
    started timestamptz not null default clock_timestamp(),
    finished timestamptz,
    gave text,
    primary key (release, revision, statement, nth)
);
comment on table wish_rollout.journal is 'Statements of a release that is under way, or was cut off.';
"""
EXISTS: LiteralString = "select to_regclass('wish_rollout.journal') is not null"
READ: LiteralString = """
select release = %s, revision, statement, nth, finished is not null, expected, gave from wish_rollout.journal
"""
CUT_OFF: LiteralString = """
select release, expected from wish_rollout.journal where starts_with(release, %s) limit 1
"""
BEGIN: LiteralString = """
insert into wish_rollout.journal (release, expected, revision, statement, nth) values (%s, %s, %s, %s, %s)
on conflict (release, revision, statement, nth) do update set started = clock_timestamp(), finished = null
"""
FINISH: LiteralString = """
insert into wish_rollout.journal (release, expected, revision, statement, nth, gave, finished)
values (%s, %s, %s, %s, %s, %s, clock_timestamp())
on conflict (release, revision, statement, nth) do update set finished = clock_timestamp(), gave = excluded.gave
"""
INDEX: LiteralString = """
select i.indisvalid from pg_index i where i.indexrelid = to_regclass(%s)
"""


def exists(connection: psycopg.Connection[Any]) -> bool:
    """Whether the table is there."""
    row = connection.execute(EXISTS).fetchone()
    return bool(row and row[0])


def cut_off(connection: psycopg.Connection[Any], prefix: str) -> tuple[str, str] | None:
    """Find an act that was cut off, by how its name begins; give the rest of the name, and where it has to lead."""
    if not exists(connection):
        return None
    row = connection.execute(CUT_OFF, [prefix]).fetchone()
    return (row[0].removeprefix(prefix), row[1]) if row else None


class StatementKey(NamedTuple):
    """A statement of a release: its revision, the hash of its text, and which of several alike it is."""

    revision: str
    statement: str
    nth: int


class Journal:
    """The journal of one release in one database. ``expected``: the fingerprint that it has to lead to."""

    def __init__(self, connection: psycopg.Connection[Any], release: str, expected: str = "") -> None:
        self.connection = connection
        self.release = release
        self.expected = expected
        self.finished: dict[StatementKey, StatementResult] = {}
        self.begun: set[StatementKey] = set()
        self.has_other_rows = False

    def read(self) -> bool:
        """Read what is there; give whether there is anything of this release, so that it was cut off."""
        if not exists(self.connection):
            return False
        for ours, *mark, finished, expected, gave in self.connection.execute(READ, [self.release]):
            if not ours:
                self.has_other_rows = True
                continue
            self.expected = expected
            if finished:
                self.finished[StatementKey(*mark)] = StatementResult.from_json(gave)
            else:
                self.begun.add(StatementKey(*mark))
        return bool(self.finished or self.begun)

    def make(self) -> None:
        """Make the table where there is none; the ledger's schema is there."""
        if not exists(self.connection):
            self.connection.execute(TABLE)

    def begin(self, mark: StatementKey) -> None:
        """Note that a statement begins, which cannot be noted in its own transaction."""
        self.connection.execute(BEGIN, [self.release, self.expected, *mark])
        self.begun.add(mark)

    def finish(self, mark: StatementKey, given: StatementResult) -> None:
        """Note that a statement is done, and what it gave: in the caller's transaction, if there is one."""
        self.connection.execute(FINISH, [self.release, self.expected, *mark, given.to_json()])
        self.finished[mark] = given

    def end(self) -> None:
        """Take all rows away, in the transaction of an act's end: no other act is under way any more either."""
        self.connection.execute("delete from wish_rollout.journal")

    def repair_concurrent_statement(self, text: str) -> bool:
        """Repair what a statement left half-done that had begun; give whether it was done after all.

        An invalid index is dropped, to be built anew (manual, CREATE INDEX, Building Indexes Concurrently).
        """
        (words, *_) = statements(text)
        building = words[0] == "create"
        place = skip(words, find(words, "concurrently") + 1, ("if", "not", "exists"), ("if", "exists"))
        if "index" not in words[:3] or words[0] not in ("create", "drop"):
            return False
        name, end = name_at(words, place)
        if building and len(name) == 1:  # an index is in its table's schema
            table, _ = name_at(words, skip(words, end, ("on",), ("only",)))
            name = (*table[:-1], *name)
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name)
        row = self.connection.execute(INDEX, [quoted]).fetchone()
        if row and not row[0] and building:
            self.connection.execute(f"drop index concurrently {quoted}".encode())
        return bool(row and row[0]) if building else row is None
