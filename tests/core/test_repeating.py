from __future__ import annotations

import pytest

from wish_rollout.core.release.statement_repeatability import Kind, changed, kind_of, of_session, temporary
from wish_rollout.core.text.sql_tokens import split, statements

ATOMIC = (
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 ELSE 2 END; END;"
    " SELECT 2"
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SELECT a FROM t FOR NO KEY UPDATE", Kind.READ_ONLY),
        ("SELECT count(*) FROM t FOR UPDATE SKIP LOCKED", Kind.READ_ONLY),
        ("WITH x AS (SELECT 1) SELECT * FROM x", Kind.READ_ONLY),
        ("EXPLAIN DELETE FROM t", Kind.READ_ONLY),
        ("EXPLAIN (ANALYZE) DELETE FROM t", Kind.RUN_ONCE),
        ("VALUES (1)", Kind.READ_ONLY),
        ("/* first */ SHOW all", Kind.READ_ONLY),
        ("SELECT 1", Kind.READ_ONLY),
        ("SELECT setval('s', 5)", Kind.RUN_ONCE),
        ("SELECT pg_catalog.setval('s', 5)", Kind.RUN_ONCE),
        ("SELECT * INTO t2 FROM t", Kind.RUN_ONCE),
        ("WITH gone AS (DELETE FROM t RETURNING *) SELECT * FROM gone", Kind.RUN_ONCE),
        ("WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x", Kind.RUN_ONCE),
        ("INSERT INTO t VALUES (1) RETURNING a", Kind.RUN_ONCE),
        ("SELECT 1; INSERT INTO t VALUES (1)", Kind.RUN_ONCE),
        ("SET x = 1; INSERT INTO t VALUES (1)", Kind.RUN_ONCE),
        ("SET ROLE owner", Kind.SESSION),
        ("SET LOCAL lock_timeout = 1; RESET ROLE", Kind.SESSION),
        ("SELECT set_config('a', 'b', false)", Kind.SESSION),
        ("SELECT pg_advisory_lock(1)", Kind.SESSION),
        ("SAVEPOINT a", Kind.SESSION),
        ("ROLLBACK TO SAVEPOINT a", Kind.SESSION),
        ("COMMIT PREPARED 'x'", Kind.RUN_ONCE),
        ("", Kind.SESSION),
        ("-- nothing", Kind.SESSION),
        ("DO $$ BEGIN DELETE FROM t; END $$", Kind.RUN_ONCE),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", Kind.ALONE),
        ("REINDEX INDEX CONCURRENTLY i", Kind.ALONE),
        ("VACUUM t", Kind.ALONE),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", Kind.ALONE),
        ('CREATE INDEX "concurrently" ON t (a)', Kind.RUN_ONCE),
        (ATOMIC, Kind.RUN_ONCE),
    ],
)
def test_what_has_to_run_once(text: str, kind: Kind) -> None:
    assert kind_of(text) is kind


def test_a_body_of_sql_is_part_of_its_function() -> None:
    assert len(split(ATOMIC)) == 2
    assert split(f"{ATOMIC};;  -- end") == [ATOMIC[:-10], "SELECT 2"]
    assert of_session(f"SET a = 1; {ATOMIC}; SELECT set_config('a', ';', true)") == [
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
def test_temporary_relations(text: str, name: tuple[str, ...]) -> None:
    (words,) = statements(text)
    assert temporary(words) == name


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
def test_what_a_statement_writes_to(text: str) -> None:
    (words,) = statements(text)
    assert changed(words) == ("s", "a")
