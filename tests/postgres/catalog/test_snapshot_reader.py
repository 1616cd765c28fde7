"""The contents and the scope of a snapshot."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.postgres.cases import CASES
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.scope import Scope
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.queries import FLAT

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE a (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                m mood NOT NULL DEFAULT 'ok', n int, i text);
CREATE TABLE b (id int REFERENCES a (id) ON DELETE CASCADE, CONSTRAINT positive CHECK (id > 0));
CREATE INDEX a_n ON a (n DESC, lower(i)) WHERE n > 1;
CREATE VIEW v AS SELECT id FROM a;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
COMMENT ON COLUMN a.n IS 'a number';
"""


def snapshot_after(url: str, sql: str, scope: Scope | None = None) -> Snapshot:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)
        return read_snapshot(connection, scope)


OPTIONS = """
CREATE TABLE plain (a int, b text);
CREATE TABLE options (a int, b text);
ALTER TABLE options ALTER a SET (n_distinct = 5), ALTER b SET (n_distinct = 6, n_distinct_inherited = 7);
CREATE INDEX i ON options USING gist (to_tsvector('simple', b) tsvector_ops (siglen = 100));
CREATE VIEW v AS SELECT a FROM plain;
"""
MARKS = """
UPDATE pg_attribute SET attoptions = CASE WHEN attnum = 1 THEN attoptions || '{pg_attver=29826336}'
                                          ELSE '{pg_attver=298}' || attoptions END
 WHERE attrelid IN ('plain'::regclass, 'options'::regclass, 'i'::regclass, 'v'::regclass) AND attnum > 0
"""


def test_option_that_the_server_sets_itself_is_no_property(database: str) -> None:
    # since the minor releases of November 2026, each new column has it (seen on 15.20)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(OPTIONS)
        before = read_snapshot(connection)
        connection.execute("SET allow_system_table_mods = on")
        connection.execute("UPDATE pg_attribute SET attoptions = NULL WHERE attrelid = 'plain'::regclass")
        assert read_snapshot(connection) == before
        connection.execute(MARKS)
        assert read_snapshot(connection) == before
    assert before.objects["column", "public.options.b"]["column options"] == {
        "n_distinct": "6",
        "n_distinct_inherited": "7",
    }
    assert "column options" not in before.objects["column", "public.plain.a"]


def test_objects_have_qualified_names(database: str) -> None:
    snapshot = snapshot_after(database, SCHEMA)
    assert set(snapshot.objects) == {
        ("schema", "public"),
        ("extension", "plpgsql"),
        ("enum", "public.mood"),
        ("table", "public.a"),
        ("column", "public.a.id"),
        ("column", "public.a.m"),
        ("column", "public.a.n"),
        ("column", "public.a.i"),
        ("constraint", "public.a.a_pkey"),
        ("index", "public.a_n"),
        ("trigger", "public.a.t"),
        ("table", "public.b"),
        ("column", "public.b.id"),
        ("constraint", "public.b.positive"),
        ("constraint", "public.b.b_id_fkey"),
        ("view", "public.v"),
        ("column", "public.v.id"),
        ("function", "public.f()"),
    }
    assert snapshot.objects["column", "public.a.n"] == {
        "position": 3,
        "type": "integer",
        "comment": "a number",
    }
    assert snapshot.objects["index", "public.a_n"] == {
        "table": "public.a",
        "keys": ["n DESC", "lower(i)"],
        "predicate": "(n > 1)",
    }
    assert snapshot.objects["constraint", "public.b.b_id_fkey"] == {
        "type": "foreign key",
        "columns": ["id"],
        "references": "public.a",
        "referenced columns": ["id"],
        "on delete": "cascade",
    }


def test_the_prefix_of_expressions_is_not_in_the_snapshot(database: str) -> None:
    snapshot = snapshot_after(database, (CASES / "texts.sql").read_text(encoding="utf-8"))
    assert json.dumps(FLAT)[1:-1] not in snapshot.to_json()


def test_a_snapshot_is_equal_after_json(database: str) -> None:
    snapshot = snapshot_after(database, SCHEMA)
    restored = Snapshot.from_json(snapshot.to_json())
    assert restored == snapshot
    assert dict(restored.objects) == dict(snapshot.objects)
    assert restored.to_json() == snapshot.to_json()


def test_dropping_a_table_removes_only_the_table_and_its_parts(database: str) -> None:
    before = snapshot_after(database, SCHEMA)
    delta = difference(before, snapshot_after(database, "DROP TABLE b"))
    assert {(change.kind, change.name, change.change) for change in delta.changes} == {
        ("table", "public.b", "removed"),
        ("column", "public.b.id", "removed"),
        ("constraint", "public.b.positive", "removed"),
        ("constraint", "public.b.b_id_fkey", "removed"),
    }


def test_the_transaction_and_settings_of_the_caller_are_kept(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE pending (a int)")
        connection.execute("SET search_path = public, pg_catalog")
        snapshot = read_snapshot(connection)
        assert ("table", "public.pending") in snapshot.objects
        shown = connection.execute("SHOW search_path").fetchone()
        assert shown == ("public, pg_catalog",)
        connection.execute("CREATE TABLE more (a int)")
        connection.rollback()
        assert ("table", "public.pending") not in read_snapshot(connection).objects
        connection.rollback()
        connection.execute("CREATE TABLE now (a int)")


def test_objects_out_of_scope_are_left_out_with_their_parts(database: str) -> None:
    sql = SCHEMA + "CREATE SCHEMA other; CREATE TABLE other.t (a int PRIMARY KEY)"
    snapshot = snapshot_after(database, sql, Scope(schemas=("public",), ignore=("public.a", "*.mood")))
    names = {name for _, name in snapshot.objects}
    assert not {name for name in names if name.startswith(("other", "public.a.")) or name == "public.a_n"}
    assert ("table", "public.b") in snapshot.objects


@pytest.mark.parametrize("name", ['"x.y"', '"q""t"', '"new\nline"', '"ÜNI"', '"$1"', '"select"'])
def test_unusual_names_are_distinguished_and_quoted(database: str, name: str) -> None:
    before = snapshot_after(database, f"CREATE SCHEMA {name}; CREATE TABLE {name}.{name} ({name} int)")
    assert ("column", f"{name}.{name}.{name}") in before.objects
    delta = difference(before, snapshot_after(database, f"ALTER TABLE {name}.{name} DROP COLUMN {name}"))
    assert [(change.kind, change.name) for change in delta.changes] == [("column", f"{name}.{name}.{name}")]
