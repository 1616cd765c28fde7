"""Random expressions: a text that the server deparses and parses again is normalized to the same text."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from tests.postgres.conftest import Server

COLUMNS = "(a int, b bool, b2 bool, c varchar(9), d varchar(9), x text, n numeric, va varchar[], vb varchar[], xa text[])"
BASE = f"""
CREATE TABLE t {COLUMNS};
CREATE FUNCTION fv(text) RETURNS varchar LANGUAGE sql IMMUTABLE AS 'SELECT $1';
"""
# A statement with an expression, and a query that returns the statement with the expression as the server deparses it.
PLACES = (
    (
        "ALTER TABLE t ADD CONSTRAINT k CHECK ({})",
        "SELECT 'ALTER TABLE t ADD CONSTRAINT k ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'k'",
    ),
    (
        "CREATE INDEX i ON t (({0})) WHERE {0}",
        "SELECT pg_get_indexdef('i'::regclass)",
    ),
    (
        "CREATE POLICY y ON t USING ({})",
        "SELECT 'CREATE POLICY y ON t USING (' || pg_get_expr(polqual, polrelid) || ')' FROM pg_policy",
    ),
    (
        "CREATE VIEW v AS SELECT a, {0} AS z FROM t WHERE {0}",
        "SELECT 'CREATE VIEW v AS ' || pg_get_viewdef('v'::regclass)",
    ),
    (
        "CREATE STATISTICS s ON a, ({}) FROM t",
        "SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext",
    ),
    (
        f"CREATE TABLE p {COLUMNS} PARTITION BY RANGE (({{}}))",
        f"SELECT 'CREATE TABLE p {COLUMNS} PARTITION BY ' || pg_get_partkeydef('p'::regclass)",
    ),
    (
        "ALTER TABLE t ADD g bool GENERATED ALWAYS AS ({}) STORED",
        "SELECT format('ALTER TABLE t ADD g bool GENERATED ALWAYS AS (%s) STORED', pg_get_expr(adbin, adrelid)) FROM pg_attrdef",
    ),
)

literals = st.sampled_from(["'x'", "'y, ]('", "'it''s'", r"E'a\\b'", r"'x\'", "'((' ", "' AND '", "NULL"])
values = st.one_of(
    literals,
    st.sampled_from(["c", "d", "fv('x')", "fv(d)", "(c || d)::varchar", "c::varchar(3)", "c || 'x'"]),
    literals.map(lambda text: f"{text}::varchar(3)"),
    st.sampled_from(["CASE WHEN b THEN c ELSE d END", "CASE WHEN b AND b2 OR b THEN c END"]),
)
lists = st.lists(values, min_size=1, max_size=3).map(", ".join)
arrays = st.one_of(
    lists.map(lambda text: f"ARRAY[{text}]::varchar[]"),
    lists.map(lambda text: f"(ARRAY[{text}]::varchar[])::varchar(3)[]"),
)
of_arrays = st.tuples(literals, values, literals, literals).map(
    lambda four: "c = ANY (ARRAY[ARRAY[{}, {}], ARRAY[{}, {}]]::varchar[])".format(*four)
)
leaves = st.one_of(
    st.sampled_from(["b", "b2", "a > 1", "c IS NULL", "a BETWEEN 1 AND 5", "a NOT BETWEEN 2 AND 3"]),
    st.sampled_from(
        ["a BETWEEN SYMMETRIC 5 AND 1", "(a, c) = (1, 'x')", "(a, c) <> (1, 'x')", "c IN (d, x)"]
    ),
    st.sampled_from(["n = ANY (ARRAY[1, -2])", "n = ANY (ARRAY[a, 1])", "a IN (1, 2, 3)", "n IN (1, 2.5)"]),
    st.tuples(st.sampled_from(["c IN ({})", "c NOT IN ({})", "x IN ({})", "c = ANY (ARRAY[{}])"]), lists).map(
        lambda pair: pair[0].format(pair[1])
    ),
    st.tuples(st.sampled_from(["c = ANY ({})", "({})::text[] <> ARRAY[x]", "x <> ALL ({})"]), arrays).map(
        lambda pair: pair[0].format(pair[1])
    ),
)
JOINS = (
    "{} AND {}",
    "{} OR {}",
    "({}) AND {}",
    "({}) OR {}",
    "({}) AND ({})",
    "({}) OR ({})",
    "NOT ({}) AND {}",
    "({}) = ({})",
    "CASE WHEN {} THEN {} END",
    "CASE WHEN a = 1 THEN {} ELSE {} END",
    "COALESCE({}, {})",
    "({}) IS TRUE OR {}",
)
expressions = of_arrays | st.recursive(
    leaves,
    lambda inner: st.tuples(st.sampled_from(JOINS), inner, inner).map(
        lambda three: three[0].format(*three[1:])
    ),
    max_leaves=6,
)


@settings(max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(expression=expressions)
def test_a_deparsed_expression_is_equal_after_parsing_it_again(server: Server, expression: str) -> None:
    statements = [first.format(expression) for first, _ in PLACES]
    found = []
    with server.scratch() as connection:
        connection.execute(BASE)
        for _ in range(3):
            with connection.transaction(force_rollback=True):
                for statement in statements:
                    connection.execute(statement.encode())
                found.append(read_snapshot(connection))
                statements = [connection.execute(again).fetchall()[0][0] for _, again in PLACES]
    for other in found[1:]:
        assert difference(found[0], other).as_dict() == []


ELEMENTS = (
    *("c", "c::text", "'x'::varchar", "fv('x')"),
    *("va", "vb", "va::text", "va::text[]", "'{x}'::varchar[]"),
    *("ARRAY[c, d]", "ARRAY[c::text, d]", "ARRAY[va, vb]", "ARRAY(SELECT c FROM t)", "(ARRAY[va, vb])[1:1]"),
)
CASTS = (
    "ARRAY[{}, {}]",
    "ARRAY[{}, {}]::text[]",
    "(ARRAY[{}, {}]::varchar[])::text[]",
    "(ARRAY[{}, {}]::varchar(3)[])::text[]",
)
LISTS = (
    *("b AND b2 AND a = 1", "b AND (b2 AND a = 1)", "b OR b2 AND a = 1", "(b OR b2) AND a = 1"),
    *(
        "(b AND b2 OR a = 1) AND b",
        "b AND b2 OR a = 1 AND b",
        "NOT (b AND b2) AND a = 1",
        "NOT b AND b2 AND a = 1",
    ),
    *(
        "a BETWEEN 1 AND 5 AND b",
        "a NOT BETWEEN 1 AND 5 AND b",
        "a BETWEEN 1 AND 5 OR b",
        "(b IS TRUE) = b2 AND b",
    ),
)
MEANINGS = (
    *(cast.format(*pair) for cast in CASTS for pair in product(ELEMENTS, repeat=2)),
    *(f"c IN ('x', 'y') AND va = {cast.format('c', 'd')}" for cast in CASTS),
    *(f"c IN ('x', 'y') AND xa = {text}" for text in ("ARRAY(SELECT c FROM t)", "ARRAY[(SELECT c FROM t)]")),
    *("ARRAY(SELECT c FROM t)::text[]", "ARRAY[(SELECT c FROM t)]::text[]", "ARRAY[(SELECT c FROM t)::text]"),
    *LISTS,
)


def test_different_meanings_are_different(server: Server) -> None:
    """Expressions with different texts after repeated parsing never have equal normalized texts before."""
    normalized: dict[str, set[object]] = defaultdict(set)
    with server.scratch() as connection:
        connection.execute(BASE)
        queries = valid_queries(connection)
        for _ in range(4):
            with connection.transaction(force_rollback=True):
                connection.execute(
                    "; ".join(f"CREATE VIEW {name} AS {queries[name]}" for name in queries).encode()
                )
                for name, properties in read_snapshot(connection).of_kind("view"):
                    normalized[name].add(properties["definition"])
                texts = connection.execute(
                    "SELECT relname, rtrim(pg_get_viewdef(oid), ';') FROM pg_class"
                    " WHERE relname LIKE 'view%' AND relkind = 'v'"
                ).fetchall()
                queries = dict(texts)
    meanings: dict[str, set[object]] = defaultdict(set)
    for name, text in queries.items():
        meanings[text] |= normalized[f"public.{name}"]
    assert len(meanings) > 150
    everything = [text for texts in meanings.values() for text in texts]
    assert [text for text in everything if everything.count(text) > 1] == []


def valid_queries(connection: psycopg.Connection) -> dict[str, str]:
    """Return the queries of the expressions that the server accepts, by the name of the view."""
    queries = {}
    for number, meaning in enumerate(MEANINGS):
        query = f"SELECT ({meaning}) AS z FROM t"
        with suppress(psycopg.ProgrammingError, psycopg.DataError):
            with connection.transaction():
                connection.execute(query.encode())
            queries[f"view{number}"] = query
    return queries
