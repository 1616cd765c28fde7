"""Every probe, on rows that break what the new schema demands and on rows that do not: the servers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.cases.probes import CASES, TABLES, Case
from wish_rollout.core.demands import demands
from wish_rollout.core.scope import Scope
from wish_rollout.postgres.connect import connect
from wish_rollout.postgres.probes import probe
from wish_rollout.postgres.sighting import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.demands import Demand, Finding
    from wish_rollout.core.snapshot import Snapshot


def schemas(url: str, case: Case) -> tuple[Snapshot, Snapshot]:
    """Give the schema before, and what the statements lead to; the database is left as it was before."""
    with connect(url, "the test") as connection:
        connection.execute(TABLES)
        before = look(connection, Scope()).snapshot
        with connection.transaction(force_rollback=True):
            connection.execute("truncate items, cars")
            run(connection, case.statements)
            after = look(connection, Scope()).snapshot
    return before, after


def run(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str]) -> None:
    for text in statements:
        connection.execute(text.encode())


def probed(url: str, wanted: Sequence[Demand]) -> list[Finding]:
    with connect(url, "the test") as connection:
        return probe(connection, "prod", wanted)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_unsafe(case: Case, database: str) -> None:
    wanted = demands(*schemas(database, case))
    with connect(database, "the test") as connection:
        run(connection, [case.bad])

        found = probed(database, wanted)

        assert [bool(one.rows) for one in found] == [True], found
        assert case.says in str(found[0])
        if case.name != "other-type":  # before 16 PostgreSQL names the first such value alone
            shown = connection.execute(found[0].sql.encode())
            assert len(shown.fetchall()) == found[0].rows
            if case.name != "label-removed":  # that one's cast makes every row green
                with pytest.raises(psycopg.errors.IntegrityError if "key" in case.name else psycopg.Error):
                    run(connection, ["begin", *case.statements])


@pytest.mark.pg(">=18")  # what is refused differs between versions; what is let through does not
@pytest.mark.parametrize("case", CASES, ids=str)
def test_safe(case: Case, database: str) -> None:
    wanted = demands(*schemas(database, case))
    with connect(database, "the test") as connection:
        run(connection, [case.good])

        assert probed(database, wanted) == []
        run(connection, case.statements)


def test_a_probe_that_takes_too_long_or_waits_is_no_answer(database: str) -> None:
    wanted = demands(*schemas(database, CASES[0]))
    with psycopg.connect(database) as other:
        other.execute("lock table items in access exclusive mode")

        found = probed(database, wanted)

        assert [one.rows for one in found] == [None]
        assert "could not be probed" in found[0].says
