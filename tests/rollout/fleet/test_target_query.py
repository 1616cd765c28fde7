"""The query that gives the targets of a fleet has a time limit."""

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
