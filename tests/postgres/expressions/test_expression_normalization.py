"""Expressions that PostgreSQL deparses differently after a restore are normalized to one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.postgres.expressions.expression_normalization import normalize_expression
from wish_rollout.postgres.queries import FLAT

if TYPE_CHECKING:
    from tests.postgres.conftest import Server

NORMALIZED = {
    "((c)::text = ANY ((ARRAY['x'::character varying, 'y, ]('::character varying])::text[]))": (
        "((c)::text = ANY (ARRAY[('x'::character varying)::text, ('y, ]('::character varying)::text]))"
    ),
    "((c)::text = ANY ((ARRAY['x'::character varying, (a || b)])::text[]))": (
        "((c)::text = ANY (ARRAY[('x'::character varying)::text, ((a || b))::text]))"
    ),
    '(ARRAY[1, f(1, 2)])::public."M o"[]': 'ARRAY[(1)::public."M o", (f(1, 2))::public."M o"]',
    FLAT + '(ARRAY[a, f(1, 2)])::public."M o"[]': 'ARRAY[(a)::public."M o", (f(1, 2))::public."M o"]',
    "(ARRAY['{x}'::character varying[], va])::text[]": (
        "ARRAY[('{x}'::character varying[])::text[], (va)::text[]]"
    ),
    "(ARRAY[ARRAY['x'::character varying], (ARRAY['y'::text])::character varying[]])::text[]": (
        "ARRAY[ARRAY[('x'::character varying)::text], ARRAY[(('y'::text)::character varying)::text]]"
    ),
    "((ARRAY['x'::character varying, c])::character varying(3)[])::text[]": (
        "ARRAY[('x'::character varying(3))::text, ((c)::character varying(3))::text]"
    ),
    "(((((a) AND (b)) AND c) AND d) OR x)": "(((a) AND (b) AND c AND d) OR x)",
    "(('((' AND b) AND c)": "('((' AND b AND c)",
    "(((x < 1) OR (x > 5)) OR i)": "((x < 1) OR (x > 5) OR i)",
}
UNCHANGED = (
    "ARRAY[]::integer[]",
    "(ARRAY[a, f(1, 2)])::text[]",
    "(ARRAY[va, vb])::text[]",
    "(ARRAY[ARRAY[va], ARRAY[vb]])::text[]",
    "(ARRAY(SELECT a FROM t))::text[]",
    "ARRAY(SELECT a FROM t)::text[]",
    "((ARRAY[1, 2])[a] = 1)",
    "(a AND (b AND c))",
    "((a OR b) AND c)",
    "((a AND b OR c) AND d)",
    "((a OR b AND c) OR d)",
    "(((x OR y)) AND z)",
    "a)) AND ((b",
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
)
DEPARSED_CHECK = "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = 'k'"


@pytest.mark.parametrize("text", NORMALIZED)
def test_the_text_is_normalized(text: str) -> None:
    assert normalize_expression(text) == NORMALIZED[text]
    assert normalize_expression(NORMALIZED[text]) == NORMALIZED[text]


@pytest.mark.parametrize("text", UNCHANGED)
def test_the_text_is_unchanged(text: str) -> None:
    assert normalize_expression(text) == text


def test_the_text_is_that_of_the_server_after_parsing_again(server: Server) -> None:
    with server.scratch() as connection:
        connection.execute("CREATE TABLE t (a int, b bool, c varchar(9))")
        for check in CHECKS:
            texts = [check]
            for _ in range(2):
                connection.execute(f"ALTER TABLE t ADD CONSTRAINT k CHECK ({texts[-1]})".encode())
                texts.append(connection.execute(DEPARSED_CHECK).fetchall()[0][0])
                connection.execute("ALTER TABLE t DROP CONSTRAINT k")
            assert normalize_expression(texts[1]) == normalize_expression(texts[2]) == texts[2]
