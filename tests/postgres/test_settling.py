"""What PostgreSQL writes in another way once it has read it back is told in one way."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from wish_rollout.postgres.settling import settled

if TYPE_CHECKING:
    from tests.postgres.conftest import Server

SETTLED = {
    "((c)::text = ANY ((ARRAY['x'::character varying, 'y, ]('::character varying])::text[]))": (
        "((c)::text = ANY (ARRAY[('x'::character varying)::text, ('y, ]('::character varying)::text]))"
    ),
    "(c::text = ANY (ARRAY['x'::character varying, a || b]::text[]))": (
        "(c::text = ANY (ARRAY['x'::character varying::text, (a || b)::text]))"
    ),
    '(ARRAY[\'a\'::"M o", f(1, 2)])::public."M o"[]': 'ARRAY[(\'a\'::"M o")::public."M o", (f(1, 2))::public."M o"]',
    "(ARRAY[a, ((b || 'x'::text))::character varying(9)])::text[]": (
        "ARRAY[(a)::text, (((b || 'x'::text))::character varying(9))::text]"
    ),
    "(ARRAY[1, a])::bigint[]": "ARRAY[(1)::bigint, (a)::bigint]",
    "(((((a) AND (b)) AND c) AND d) OR x)": "(((a) AND (b) AND c AND d) OR x)",
    "(('((' AND b) AND c)": "('((' AND b AND c)",
    "(((x < 1) OR (x > 5)) OR i)": "((x < 1) OR (x > 5) OR i)",
}
KEPT = (
    "ARRAY[]::integer[]",
    "((ARRAY[1, 2])[a] = 1)",
    "(a AND (b AND c))",
    "((a OR b) AND c)",
    "(((x OR y)) AND z)",
    "a)) AND ((b",
    "(ARRAY[a, b])::text[]",
    "(ARRAY[(a)::character varying[], b])::text[]",
    "(ARRAY[(a || 'x'::text), b])::text[]",
    "(ARRAY( SELECT 'x'::character varying))::text[]",
    "ARRAY( SELECT 'x'::character varying)::text[]",
    "((a = 1 AND b OR c) AND d)",
    "((a OR b AND c) OR d)",
    "((ARRAY['x])::text[]'::text])[1] = 'a'::text)",
)
CHECKS = (
    "a BETWEEN 1 AND 5 AND b",
    "a NOT BETWEEN 1 AND 5 OR b",
    "(a BETWEEN 1 AND 2 OR b) AND c BETWEEN 'x' AND 'y' AND b",
    "c IN ('x', 'y')",
    "c NOT IN ('x', 'y') OR upper(c) IN ('a', 'b''')",
    "CASE WHEN a BETWEEN 1 AND 2 AND b THEN c IN ('x', 'y') ELSE b END",
    "a IN (1, 2, 3) AND a::bigint IN (1, 2)",
    "(a, c) = (1, 'x') AND b",
    "c IN ('x', d, upper(c))",
    "c IN (d, 'x') AND c NOT IN (lower(d), 'x', c || d)",
    "d = ANY (ARRAY[e, f])",
    "d = ANY (ARRAY[e::text, f::text])",
    "d IN (lower(c)::varchar, d)",
    "d = ANY (ARRAY[c, d])",
    "(a = 1 AND b OR a = 2) AND a < 3",
    "((a = 1 AND b) AND a = 2 OR b) AND a < 3",
    "NOT (a = 1 AND b) AND a < 3",
)
AS_STATISTICS = (
    "(a = 1 AND b OR a = 2) AND a < 3",
    "a = 1 AND b OR a = 2 AND a < 3",
    "((b OR a = 2) OR a = 5 AND b) OR a < 3",
    "c IN ('x', 'y', d)",
    "d = ANY (ARRAY[e, f])",
    "d = ANY (ARRAY[e::text, f::text])",
    "d = ANY (ARRAY[c, d])",
    "(CASE WHEN a = 1 AND b THEN a < 5 ELSE b END) AND b",
)
EXCEPTIONS = ("d = ANY (ARRAY[e, f])", "d = ANY (ARRAY[c, d])")
"""What is in the array may be arrays themselves: they are, and they are not."""
TABLE = "CREATE TABLE t (a int, b bool, c varchar(9), d varchar, e varchar[], f varchar[])"
DEPTH = 4
READ = "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'k'"
AS_CHECK = ("ALTER TABLE t ADD CONSTRAINT k CHECK ({})", READ, "ALTER TABLE t DROP CONSTRAINT k")
AS_STATISTICS_OBJECT = (
    "CREATE STATISTICS s ON ({}), a FROM t",
    "SELECT (pg_get_statisticsobjdef_expressions(oid))[1] FROM pg_statistic_ext WHERE stxname = 's'",
    "DROP STATISTICS s",
)


def read_twice(connection: Any, text: str, make: str, read: str, drop: str) -> tuple[str, str]:
    """Give what the server says of an expression, and what it says of that."""
    texts = [text]
    for _ in range(2):
        connection.execute(make.format(texts[-1]).encode())
        texts.append(connection.execute(read.encode()).fetchall()[0][0])
        connection.execute(drop.encode())
    return texts[1], texts[2]


def boolean(random: Random, depth: int) -> str:
    """Make up an expression of lists, ranges and arrays."""
    if depth == 0 or (depth < DEPTH and random.random() < 0.2):
        return random.choice(
            (
                "a BETWEEN 1 AND 5",
                "a NOT BETWEEN 2 AND 3",
                "b",
                "c IN ('x', 'y')",
                "c NOT IN ('x', d, 'z')",
                "a IN (1, 2)",
                "a::bigint IN (1, 2, a)",
                "d = ANY (ARRAY[e::text, f::text])",
                "'x' = ANY (e || c)",
            )
        )
    left, right = (boolean(random, depth - 1) for _ in range(2))
    form = random.choice(
        ("{} AND {}", "{} OR {}", "({}) AND ({})", "({}) OR ({})", "NOT ({}) AND {}", "({1}) OR {0}")
    )
    if random.random() < 0.1:
        form = "CASE WHEN {} THEN {} ELSE b END"
    return form.format(left, right)


@pytest.mark.parametrize("text", SETTLED)
def test_it_is_settled(text: str) -> None:
    assert settled(text) == SETTLED[text]
    assert settled(SETTLED[text]) == SETTLED[text]


@pytest.mark.parametrize("text", KEPT)
def test_it_is_kept(text: str) -> None:
    assert settled(text) == text


def test_it_is_what_the_server_says_after_another_reading(server: Server) -> None:
    with server.scratch() as connection:
        connection.execute(TABLE)
        for check in CHECKS:
            first, second = read_twice(connection, check, *AS_CHECK)
            if check not in EXCEPTIONS:
                assert settled(first) == settled(second) == second
        for expression in AS_STATISTICS:
            first, second = read_twice(connection, expression, *AS_STATISTICS_OBJECT)
            assert (settled(first) == settled(second)) is (expression not in EXCEPTIONS)


def test_what_does_not_mean_the_same_is_not_told_alike(server: Server) -> None:
    with server.scratch() as connection:
        connection.execute(TABLE)
        told: dict[str, str] = {}
        for seed in range(150):
            text = boolean(Random(seed), DEPTH)
            for kind in (AS_CHECK, AS_STATISTICS_OBJECT):
                first, second = read_twice(connection, text, *kind)
                assert settled(first) == settled(second), text
                # what the server says of what it said itself is one text for each meaning
                assert told.setdefault(f"{kind}{settled(second)}", second) == second
