"""Every probe, on rows that break what the new schema demands and on rows that do not: the servers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.cases.probes import CASES, TABLES, Case
from wish_rollout.core.hazards.pending_revision import Pending
from wish_rollout.core.hazards.rename_tracking import all_renames
from wish_rollout.core.rows.derived_requirements import demands
from wish_rollout.core.schema.scope import Scope
from wish_rollout.defs.metadata import findings_markdown
from wish_rollout.postgres.catalog.database_state import look
from wish_rollout.postgres.rows.row_probes import probe
from wish_rollout.postgres.sessions.connections import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.rows.requirements import Requirement, Finding


def wanted_by(url: str, case: Case) -> tuple[Requirement, ...]:
    """Give what the statements demand; the database is left as it was before them."""
    with connect(url, "the test") as connection:
        connection.execute(TABLES)
        before = look(connection, Scope()).snapshot
        with connection.transaction(force_rollback=True):
            connection.execute("truncate items, cars, parts, pairs, bonds, days, shops")
            run(connection, case.statements)
            after = look(connection, Scope()).snapshot
    renamed = all_renames(before, [Pending("r", before, after, case.statements)])
    return demands(before, after, renamed)


def run(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str]) -> None:
    for text in statements:
        connection.execute(text.encode())


def skip_before(url: str, case: Case) -> None:
    with connect(url, "the test") as connection:
        if connection.info.server_version // 10000 < case.since:
            pytest.skip("this version does not have it")


def probed(url: str, wanted: Sequence[Requirement]) -> list[Finding]:
    with connect(url, "the test") as connection:
        return probe(connection, "prod", wanted)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_unsafe(case: Case, database: str) -> None:
    skip_before(database, case)
    wanted = wanted_by(database, case)
    with connect(database, "the test") as connection:
        run(connection, [case.bad])

        found = probed(database, wanted)

        assert [bool(one.rows) for one in found] == [True], found
        assert case.says in str(found[0])
        assert len(connection.execute(found[0].sql.encode()).fetchall()) == found[0].rows
        if case.name != "label-removed":  # that one's cast makes every row green
            with pytest.raises(psycopg.Error) as failed:
                run(connection, ["begin", *case.statements, "set constraints all immediate"])
            assert (failed.value.sqlstate or "")[:2] in ("22", "23"), failed.value


@pytest.mark.pg(">=18")  # what is refused differs between versions; what is let through does not
@pytest.mark.parametrize("case", CASES, ids=str)
def test_safe(case: Case, database: str) -> None:
    wanted = wanted_by(database, case)
    with connect(database, "the test") as connection:
        run(connection, [case.good])

        assert probed(database, wanted) == []
        run(connection, case.statements)


def test_a_probe_that_takes_too_long_or_waits_is_no_answer(database: str) -> None:
    wanted = wanted_by(database, CASES[0])
    with psycopg.connect(database) as other:
        other.execute("lock table items in access exclusive mode")

        found = probed(database, wanted)

        assert [one.rows for one in found] == [None]
        assert "could not be probed" in found[0].says
        assert "| not counted |" in findings_markdown(found)
