"""Each hazard in an unsafe and in a safe way on real servers: assessed by rules, and by measurements."""

from __future__ import annotations

import ast
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from alembic import op

from tests.cases.hazards import CASES, ROWS, TABLES, Case
from tests.hazard_exam import fill, rehearse
from wish_rollout.core.hazards.assessment import KINDS, judge_hazards
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.hazards.rules.table_rewrite import calls
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.rows.table_statistics import LiveQuestions, read_live_facts
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.planning.hazard_assessment import assess_hazards

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers import NewDatabase
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

ODD_TABLE = 'app."Odd; one"'
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
            sequences = [name for name, _ in before.of_kind("sequence")]
            live = read_live_facts(connection, LiveQuestions(tables, indexes, functions, sequences))
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
    """Assert that a hint is Python code with at least one statement or comment."""
    ast.parse(text)
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
    column = """'Odd "one', "A column", "A column_new", "bigint", '"A column"::bigint', schema="sales")"""
    assert f"add_column_copy({column}" in message
    assert (
        """op.execute('ALTER TABLE sales."Odd ""one" ADD CONSTRAINT k PRIMARY KEY USING INDEX k')"""
        in message
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_unsafe(case: Case, database: str) -> None:
    bench = Bench(database, rows=True)
    found = bench.judge(case.unsafe, case.table)

    named = case.table if "." in case.table else f"public.{case.table}"
    assert [(one.kind, one.table, one.rows) for one in found] == [(case.kind, named, case.rows)]
    assert (found[0].bytes > 0) == (case.rows > 0)
    assert_code(found[0].instead)
    locks = (
        {case.lock, ""} if case.kind == "revoke" else {case.lock}
    )  # PostgreSQL 15 takes no lock for REVOKE
    assert bench.strongest in locks
    assert bench.rewritten == case.rewrites


@pytest.mark.pg(">=18")  # what is refused differs between versions; what is let through does not
@pytest.mark.parametrize("case", CASES, ids=str)
def test_safe(case: Case, database: str) -> None:
    bench = Bench(database, rows=True)

    assert bench.judge(case.safe, case.table) == []
    assert not bench.rewritten


def execute_statements(statements: Sequence[str]) -> None:
    """Execute statements as a revision does; those between COMMIT and BEGIN in an autocommit block."""
    with ExitStack() as stack:
        for text in statements:
            if text == "COMMIT":
                stack.enter_context(op.get_context().autocommit_block())
            elif text == "BEGIN":
                stack.close()
            else:
                op.execute(sa.text(text.replace(":", r"\:")))


@pytest.mark.one_version
@pytest.mark.parametrize("half", [0, 1])
def test_measured_hazards_are_those_of_the_unsafe_way_only(half: int, new_database: NewDatabase) -> None:
    live = new_database()
    fill(live, TABLES)
    fill(live, ROWS)
    with connect(live, "the test") as connection:
        before = read_database_state(connection, Scope()).snapshot
    found, expected = [], []
    for case in CASES[half::2]:
        for statements in (case.unsafe, case.safe):
            url = new_database()
            fill(url, TABLES)
            pending = rehearse(url, partial(execute_statements, statements), before)
            with connect(live, "the test") as connection:
                hazards = assess_hazards(connection, [pending], {})
            found.append((statements, {hazard.kind for hazard in hazards}))
            kind = case.measured_kind or case.kind
            expected.append((statements, {kind} if statements is case.unsafe else set()))
            for hazard in hazards:
                assert_code(hazard.instead)

    wrong = [(one, two) for one, two in zip(found, expected, strict=True) if one != two]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.pg(">=18")
def test_the_same_on_empty_tables_is_no_hazard(database: str) -> None:
    for case in CASES:
        with connect(database, "the test") as connection:
            connection.execute("drop schema public cascade")
            connection.execute("drop schema if exists app cascade")
            connection.execute("create schema public")
        assert Bench(database, rows=False).judge(case.unsafe, case.table) == [], case


def test_every_hazard_has_a_case() -> None:
    elsewhere = {
        "lock-held",
        "drop-enum-label",
        "secret-in-script",
    }  # tested in test_hazard_exam, below, and in attacks
    assert {case.kind for case in CASES} | elsewhere == KINDS


def test_a_removed_enum_label_is_named_besides_the_change_of_the_type(database: str) -> None:
    statements = (
        "ALTER TYPE mood RENAME TO old_mood",
        "CREATE TYPE mood AS ENUM ('sad')",
        f"ALTER TABLE {ODD_TABLE} ALTER mood TYPE mood USING mood::text::mood",
        "DROP TYPE old_mood",
    )
    found = Bench(database, rows=True).judge(statements, ODD_TABLE)

    assert {(hazard.kind, hazard.subject) for hazard in found} == {
        ("column-type-change", f"column {ODD_TABLE}.mood"),
        ("drop-enum-label", "label 'glad' of public.mood"),
    }
