"""The query that gives the targets of a fleet: its time limit, and that it is one statement that only reads."""

from __future__ import annotations

import psycopg
import pytest

from wish_rollout.postgres.facts import target_query


def test_a_query_that_takes_too_long_is_cancelled(database18: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_query, "LIMIT", "200ms")
    with psycopg.connect(database18, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            target_query.read_rows(connection, "select 'a' as name, pg_sleep(20)")

        assert connection.execute("show statement_timeout").fetchone() == ("0",)


@pytest.mark.parametrize(
    "query", ["commit; create table x (); select 'a' as name", "select 'a' as name; select 'b' as name"]
)
def test_a_query_is_one_statement(database18: str, query: str) -> None:
    with psycopg.connect(database18, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.SyntaxError):
            target_query.read_rows(connection, query)

        assert connection.execute("select to_regclass('x')").fetchone() == (None,)


def test_two_columns_of_one_name_are_refused(database18: str) -> None:
    query = "select 'a' as name, 'b' as name"
    with (
        psycopg.connect(database18, autocommit=True) as connection,
        pytest.raises(ValueError, match="more than one column 'name'"),
    ):
        target_query.read_rows(connection, query)


def test_a_query_leaves_no_prepared_statement(database18: str) -> None:
    """A pooler gives the session to other clients, whose statement may have the same name."""
    with psycopg.connect(database18, autocommit=True) as connection:
        for query in ("select 'a%' as name, 7 as size;", "with t as (values ('a%', 7)) table t"):
            columns = (
                query
                if "as name" in query
                else f"select column1 as name, column2 as size from ({query}) as t"
            )
            assert target_query.read_rows(connection, columns) == [{"name": "a%", "size": 7}]
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
