"""Reads and writes ``wish_rollout.journal``: the finished and started statements of a release with several commits.

A release that runs in one transaction leaves no rows. Other releases have one row for each statement, until their
last transaction deletes the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from urllib.parse import quote

from wish_rollout.core.text.sql_tokens import find_phrase, read_name, skip_phrases, tokenize_statements
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
comment on table wish_rollout.journal is 'Statements of a release that is in progress or was interrupted.';
"""
EXISTS: LiteralString = """
select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'wish_rollout' and c.relname = 'journal' and has_schema_privilege(n.oid, 'USAGE'))
"""
READ: LiteralString = """
select release = %s, revision, statement, nth, finished is not null, expected, gave from wish_rollout.journal
where starts_with(release, %s)
"""
INTERRUPTED: LiteralString = """
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
DELETE: LiteralString = "delete from wish_rollout.journal where starts_with(release, %s)"
INDEX: LiteralString = """
select i.indisvalid from pg_index i where i.indexrelid = to_regclass(%s)
"""


def act_name(version_table: str, release: str, how: str) -> str:
    """Return the name of an act in the journal. The version table keeps apart projects that share a database."""
    return f"{quote(version_table)} {release} {how}"


def project_of(act: str) -> str:
    """Return the part of an act's name that all acts of the project have."""
    return act.partition(" ")[0] + " "


def exists(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the journal exists; False if the role may not use its schema, as in a dump of another role."""
    row = connection.execute(EXISTS).fetchone()
    return bool(row and row[0])


def find_interrupted_act(connection: psycopg.Connection[Any], prefix: str) -> tuple[str, str] | None:
    """Return an interrupted act whose name begins with ``prefix``, or None if there is none.

    The result is the rest of the name, and the fingerprint that the schema must have when the act is complete.
    """
    if not exists(connection):
        return None
    row = connection.execute(INTERRUPTED, [prefix]).fetchone()
    return (row[0].removeprefix(prefix), row[1]) if row else None


class StatementKey(NamedTuple):
    """Identifies a statement of a release.

    ``revision``: its revision ID. ``statement``: the hash of its text. ``nth``: its number among equal statements.
    """

    revision: str
    statement: str
    nth: int


class Journal:
    """The journal of one release in one database.

    ``expected``: the fingerprint that the schema must have after the release. ``finished``: the results of the
    finished statements. ``begun``: statements that were started and not finished. ``has_other_rows``: whether the
    journal contains rows of another release of the project.
    """

    def __init__(self, connection: psycopg.Connection[Any], release: str, expected: str = "") -> None:
        self.connection = connection
        self.release = release
        self.expected = expected
        self.finished: dict[StatementKey, StatementResult] = {}
        self.begun: set[StatementKey] = set()
        self.has_other_rows = False

    def read(self) -> bool:
        """Read the rows; return whether there are any of this release, which means that it was interrupted."""
        if not exists(self.connection):
            return False
        for is_same_release, *key, finished, expected, result in self.connection.execute(
            READ, [self.release, project_of(self.release)]
        ):
            if not is_same_release:
                self.has_other_rows = True
                continue
            self.expected = expected
            if finished:
                self.finished[StatementKey(*key)] = StatementResult.from_json(result)
            else:
                self.begun.add(StatementKey(*key))
        return bool(self.finished or self.begun)

    def create_table(self) -> None:
        """Create the journal if it does not exist. The schema ``wish_rollout`` must exist."""
        if not exists(self.connection):
            self.connection.execute(TABLE)

    def begin(self, key: StatementKey) -> None:
        """Record that a statement starts. For statements that cannot run in a transaction block."""
        self.connection.execute(BEGIN, [self.release, self.expected, *key])
        self.begun.add(key)

    def finish(self, key: StatementKey, result: StatementResult) -> None:
        """Record that a statement has finished, and its result: in the current transaction, if there is one."""
        self.connection.execute(FINISH, [self.release, self.expected, *key, result.to_json()])
        self.finished[key] = result

    def delete_rows(self) -> None:
        """Delete all rows of the project, in the transaction in which the act ends.

        The rollout lock excludes other acts in progress.
        """
        self.connection.execute(DELETE, [project_of(self.release)])

    def repair_concurrent_statement(self, text: str) -> bool:
        """Clean up after an interrupted statement; return whether it had completed.

        ``text``: the statement. Only CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY are supported; the
        result is False for others. An invalid index is dropped, so that the statement can be executed again
        (manual, CREATE INDEX, Building Indexes Concurrently).
        """
        (tokens, *_) = tokenize_statements(text)
        is_create = tokens[0] == "create"
        position = skip_phrases(
            tokens, find_phrase(tokens, "concurrently") + 1, ("if", "not", "exists"), ("if", "exists")
        )
        if "index" not in tokens[:3] or tokens[0] not in ("create", "drop"):
            return False
        name, end = read_name(tokens, position)
        if is_create and len(name) == 1:  # an index is in the schema of its table
            table, _ = read_name(tokens, skip_phrases(tokens, end, ("on",), ("only",)))
            name = (*table[:-1], *name)
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name)
        row = self.connection.execute(INDEX, [quoted]).fetchone()
        if row and not row[0] and is_create:
            self.connection.execute(f"drop index concurrently {quoted}".encode())
        return bool(row and row[0]) if is_create else row is None
