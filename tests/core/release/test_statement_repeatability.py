from __future__ import annotations

import pytest

from wish_rollout.core.release.statement_repeatability import (
    StatementKind,
    classify_text,
    only_defines_objects,
    session_statements,
    temporary_relation,
    written_relation,
)
from wish_rollout.core.text.sql_tokens import split_statements, tokenize_statements

ATOMIC = (
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 ELSE 2 END; END;"
    " SELECT 2"
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT a FROM t FOR NO KEY UPDATE", StatementKind.READ_ONLY),
        ("SELECT count(*) FROM t FOR UPDATE SKIP LOCKED", StatementKind.READ_ONLY),
        ("WITH x AS (SELECT 1) SELECT * FROM x", StatementKind.READ_ONLY),
        ("EXPLAIN DELETE FROM t", StatementKind.READ_ONLY),
        ("EXPLAIN (ANALYZE) DELETE FROM t", StatementKind.RUN_ONCE),
        ("VALUES (1)", StatementKind.READ_ONLY),
        ("/* first */ SHOW all", StatementKind.READ_ONLY),
        ("SELECT 1", StatementKind.READ_ONLY),
        ("SELECT setval('s', 5)", StatementKind.RUN_ONCE),
        ("SELECT pg_catalog.setval('s', 5)", StatementKind.RUN_ONCE),
        ("SELECT * INTO t2 FROM t", StatementKind.RUN_ONCE),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", StatementKind.RUN_ONCE),
        ("WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x", StatementKind.RUN_ONCE),
        ("INSERT INTO t VALUES (1) RETURNING a", StatementKind.RUN_ONCE),
        ("SELECT 1; INSERT INTO t VALUES (1)", StatementKind.RUN_ONCE),
        ("SET x = 1; INSERT INTO t VALUES (1)", StatementKind.RUN_ONCE),
        ("SET ROLE owner", StatementKind.SESSION),
        ("SET LOCAL lock_timeout = 1; RESET ROLE", StatementKind.SESSION),
        ("SELECT set_config('a', 'b', false)", StatementKind.SESSION),
        ("SELECT pg_advisory_lock(1)", StatementKind.SESSION),
        ("SAVEPOINT a", StatementKind.SESSION),
        ("ROLLBACK TO SAVEPOINT a", StatementKind.SESSION),
        ("COMMIT PREPARED 'x'", StatementKind.RUN_ONCE),
        ("", StatementKind.SESSION),
        ("-- nothing", StatementKind.SESSION),
        ("DO $$ BEGIN DELETE FROM t; END $$", StatementKind.RUN_ONCE),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", StatementKind.OUTSIDE_TRANSACTION),
        ("REINDEX INDEX CONCURRENTLY i", StatementKind.OUTSIDE_TRANSACTION),
        ("VACUUM t", StatementKind.OUTSIDE_TRANSACTION),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", StatementKind.OUTSIDE_TRANSACTION),
        ('CREATE INDEX "concurrently" ON t (a)', StatementKind.RUN_ONCE),
        (ATOMIC, StatementKind.RUN_ONCE),
    ],
)
def test_classification_of_statements(text: str, kind: StatementKind) -> None:
    assert classify_text(text) is kind


def test_sql_body_of_a_function_is_not_split() -> None:
    assert len(split_statements(ATOMIC)) == 2
    assert split_statements(f"{ATOMIC};;  -- end") == [ATOMIC[:-10], "SELECT 2"]
    assert session_statements(f"SET a = 1; {ATOMIC}; SELECT set_config('a', ';', true)") == [
        "SET a = 1",
        "SELECT set_config('a', ';', true)",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CREATE TEMP TABLE a AS SELECT 1", ("a",)),
        ('CREATE TEMPORARY TABLE IF NOT EXISTS "A" (b int)', ("A",)),
        ("CREATE LOCAL TEMPORARY SEQUENCE s", ("s",)),
        ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", ("v",)),
        ("SELECT * INTO TEMP TABLE x FROM t", ("x",)),
        ("CREATE TABLE temp (a int)", ()),
        ("INSERT INTO temp VALUES (1)", ()),
    ],
)
def test_temporary_relation_of_a_statement(text: str, name: tuple[str, ...]) -> None:
    (tokens,) = tokenize_statements(text)
    assert temporary_relation(tokens) == name


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO s.a VALUES (1)",
        "UPDATE s.a SET b = 1",
        "UPDATE ONLY s.a SET b = 1",
        "DELETE FROM ONLY s.a",
        "TRUNCATE TABLE ONLY s.a",
        "ALTER TABLE IF EXISTS ONLY s.a ADD b int",
        "DROP TABLE IF EXISTS s.a",
        "CREATE UNIQUE INDEX i ON ONLY s.a (b)",
        "CREATE INDEX ON s.a (b)",
    ],
)
def test_written_relation_of_a_statement(text: str) -> None:
    (tokens,) = tokenize_statements(text)
    assert written_relation(tokens) == ("s", "a")


@pytest.mark.parametrize(
    ("text", "defines"),
    [
        ("CREATE TABLE a (at TIMESTAMP WITH TIME ZONE, b TIME(3) WITH TIME ZONE)", True),
        ("CREATE TABLE a (b int) WITH (fillfactor = 70)", False),
        ("CREATE TABLE a AS WITH b AS (SELECT 1) TABLE b", False),
        ("CREATE TABLE a (at TIMESTAMP WITH TIME ZONE); SELECT set_config('a.b', '', true)", False),
        ("CREATE TABLE view AS SELECT 1", False),
        ("CREATE OR REPLACE TEMP VIEW a AS WITH b AS (SELECT 1) TABLE b", True),
        ("CREATE MATERIALIZED VIEW a AS SELECT 1", False),
        ("ALTER TABLE a ADD COLUMN b int; COMMENT ON TABLE a IS 'select'", True),
        ("CREATE TABLE a AS TABLE b", False),
        ("DO $$ BEGIN END $$", False),
        ("UPDATE a SET b = 1", False),
    ],
)
def test_texts_that_only_define_objects(text: str, defines: bool) -> None:
    assert only_defines_objects(text) is defines
