"""Every hazard, done the unsafe way and the safe one, on real servers: what is said is what happens there."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.cases.hazards import CASES, ROWS, TABLES, Case
from wish_rollout.core.hazards.assessment import KINDS, judge_hazards
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.hazards.rules.table_rewrite import calls
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.catalog.database_state import read_database_state
from wish_rollout.postgres.rows.table_statistics import LiveQuestions, read_live_facts
from wish_rollout.postgres.sessions.connections import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.hazards.hazard import Hazard

LOCKS = (
    "select mode from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and relation = %s::oid"
)
STRENGTH = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)

ODD = """
create schema sales;
create table sales."Odd ""one" (id int, "A column" int, b int);
insert into sales."Odd ""one" select n, n, n from generate_series(1, 20) as n;
"""
ODD_CHANGE = (
    """CREATE INDEX "By it's" ON sales."Odd ""one" (b)""",
    """ALTER TABLE sales."Odd ""one" ALTER "A column" SET NOT NULL""",
    """ALTER TABLE sales."Odd ""one" ALTER "A column" TYPE bigint""",
    """ALTER TABLE sales."Odd ""one" ADD CONSTRAINT "Odd check" CHECK (b > 0)""",
    """ALTER TABLE sales."Odd ""one" ADD CONSTRAINT k PRIMARY KEY (id)""",
)


class Bench:
    """A database with the cases' tables, on which statements are run as a revision runs them."""

    def __init__(self, url: str, *, rows: bool) -> None:
        self.url = url
        self.lock = self.strongest = ""
        self.rewritten = False
        with connect(url, "the test") as connection:
            connection.execute(TABLES)
            if rows:
                connection.execute(ROWS.encode())

    def judge(self, statements: Sequence[str], table: str = "items") -> list[Hazard]:
        """Judge what these statements do, and do it."""
        with connect(self.url, "the test") as connection:
            before = read_database_state(connection, Scope()).snapshot
            tables = [name for kind, name in before.objects if kind in ("table", "materialized view")]
            indexes = [name for name, _ in before.of_kind("index")]
            functions = {name for text in statements for name in calls(text)} | {"nextval"}
            live = read_live_facts(connection, LiveQuestions(tables, indexes, functions))
            self.run(connection, statements, table)
            after = read_database_state(connection, Scope()).snapshot
        return list(judge_hazards([PendingRevision("r", before, after, tuple(statements))], live, {}))

    def run(
        self, connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str], table: str
    ) -> None:
        """Run them in one transaction, but for what COMMIT and BEGIN say."""
        (oid, file) = self.identity(connection, "to_regclass(%s)", table)
        connection.execute("begin")
        for text in statements:
            connection.execute(text.encode())
        held = [str(row[0]) for row in connection.execute(LOCKS, [oid])]
        self.strongest = max(held, key=STRENGTH.index, default="")
        if "COMMIT" not in statements or "BEGIN" in statements:
            connection.execute("commit")
        self.rewritten = self.identity(connection, "%s::oid", str(oid))[1] not in (file, None)

    @staticmethod
    def identity(
        connection: psycopg.Connection[tuple[object, ...]], how: str, what: str
    ) -> tuple[object, object]:
        query = f"select {how}::oid, pg_relation_filenode({how}::oid)"
        row = connection.execute(query.encode(), [what, what]).fetchone()
        assert row is not None
        return row[0], row[1]


def assert_code(text: str) -> None:
    """See that code to paste is code; some hazards have none, and say what to do."""
    if any(word in text for word in ("op.", "import", "allow_hazards = {")):
        ast.parse(text.removeprefix("do it in a maintenance window, and say so: "))
    assert text


def test_code_to_paste_names_a_table_with_an_odd_name_in_another_schema(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(ODD)
    found = Bench(database, rows=False).judge(ODD_CHANGE, 'sales."Odd ""one"')
    message = "\n".join(one.instead for one in found)
    for one in found:
        assert_code(one.instead)
    assert """create_index_concurrently("By it's", 'Odd "one', [...], schema="sales")""" in message
    assert """set_not_null('Odd "one', "A column", schema="sales")""" in message
    assert """add_check("Odd check", 'Odd "one', ..., schema="sales")""" in message
    assert (
        """{"A column_new": '"A column"::bigint'}, where='"A column_new" IS NULL', schema="sales")"""
        in message
    )
    assert (
        """op.execute('ALTER TABLE sales."Odd ""one" ADD CONSTRAINT k PRIMARY KEY USING INDEX k')"""
        in message
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_unsafe(case: Case, database: str) -> None:
    bench = Bench(database, rows=True)
    found = bench.judge(case.unsafe, case.table)

    named = case.table if "." in case.table else f"public.{case.table}"
    assert [(one.kind, one.table, one.rows) for one in found] == [(case.kind, named, 20)]
    assert found[0].bytes > 0
    assert_code(found[0].instead)
    assert (bench.strongest, bench.rewritten) == (case.lock, case.rewrites)


@pytest.mark.pg(">=18")  # what is refused differs between versions; what is let through does not
@pytest.mark.parametrize("case", CASES, ids=str)
def test_safe(case: Case, database: str) -> None:
    bench = Bench(database, rows=True)

    assert bench.judge(case.safe, case.table) == []
    assert not bench.rewritten


@pytest.mark.pg(">=18")
def test_the_same_on_empty_tables_is_no_hazard(database: str) -> None:
    for case in CASES:
        with connect(database, "the test") as connection:
            connection.execute("drop schema public cascade")
            connection.execute("drop schema if exists app cascade")
            connection.execute("create schema public")
        assert Bench(database, rows=False).judge(case.unsafe, case.table) == [], case


def test_every_hazard_has_a_case() -> None:
    assert {case.kind for case in CASES} == KINDS
