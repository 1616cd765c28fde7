"""Random lists of DDL statements: two orders of independent statements result in equal schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.changes.change_token import change_token

if TYPE_CHECKING:
    import psycopg

    from tests.postgres.conftest import Server
    from wish_rollout.core.schema.snapshot import Snapshot

BASE = """
CREATE SCHEMA s; CREATE TYPE e AS ENUM ('a', 'z'); CREATE SEQUENCE q; CREATE ROLE case_role;
CREATE TABLE p (a int PRIMARY KEY, b text, c int) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9);
CREATE TABLE t (a int, b text NOT NULL, c e DEFAULT 'a', d numeric(5, 2));
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE VIEW v AS SELECT a, b FROM t WHERE a > 1;
"""
# Each statement can be executed after BASE, and none depends on or conflicts with another.
STATEMENTS = (
    "ALTER TABLE t ALTER b DROP NOT NULL",
    "ALTER TABLE t ALTER d SET DEFAULT 1.5",
    "ALTER TABLE t ALTER a SET STATISTICS 7",
    "ALTER TABLE t ADD CONSTRAINT k CHECK (d > 0)",
    "ALTER TABLE t ADD CONSTRAINT u UNIQUE (b, a)",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t DROP c",
    "CREATE POLICY y ON t USING (a > 1)",
    "CREATE INDEX i ON t (lower(b), d DESC) WHERE d IS NOT NULL",
    "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "CREATE STATISTICS st ON a, b FROM t",
    "ALTER TYPE e RENAME VALUE 'z' TO 'y'",
    "CREATE INDEX pi ON p (b)",
    "ALTER TABLE p ADD n int DEFAULT 4",
    "ALTER TABLE p ALTER b SET DEFAULT 'x'",
    "CREATE TABLE p2 PARTITION OF p DEFAULT",
    "CREATE TRIGGER pg AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f()",
    "ALTER VIEW v SET (security_barrier)",
    "GRANT SELECT ON v TO case_role",
    "GRANT UPDATE (a) ON t TO case_role",
    "ALTER SEQUENCE q INCREMENT 3",
    "CREATE TABLE s.t (a int PRIMARY KEY, b int GENERATED ALWAYS AS IDENTITY)",
    "CREATE DOMAIN s.d AS int CHECK (value > 0)",
    "COMMENT ON TABLE t IS 'a comment'",
    "COMMENT ON COLUMN p.c IS 'a comment'",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT EXECUTE ON FUNCTIONS TO case_role",
)


@settings(max_examples=6, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=st.lists(st.sampled_from(STATEMENTS), unique=True, min_size=2, max_size=12), data=st.data())
def test_the_order_of_independent_statements_does_not_matter(
    server: Server, program: list[str], data: st.DataObject
) -> None:
    other = data.draw(st.permutations(program))
    with server.scratch() as connection:
        connection.execute(BASE)
        before = read_snapshot(connection)
        first, second = snapshot_after(connection, program), snapshot_after(connection, other)
    assert difference(first, second).as_dict() == []
    assert first.fingerprint == second.fingerprint
    delta = difference(before, first)
    assert delta
    assert delta.apply(before) == first
    assert difference(first, before) == delta.inverse()


def snapshot_after(connection: psycopg.Connection, program: list[str]) -> Snapshot:
    """Return the snapshot after the statements, and roll them back. Each statement must change the token."""
    with connection.transaction(force_rollback=True):
        tokens = {change_token(connection)}
        for statement in program:
            connection.execute(statement)
            tokens.add(change_token(connection))
        assert len(tokens) == len(program) + 1
        return read_snapshot(connection)
