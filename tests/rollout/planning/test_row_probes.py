"""Every row probe, with rows that violate a requirement and rows that do not; the server confirms both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.cases.probes import CASES, TABLES, Case
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.hazards.rename_tracking import all_renames
from wish_rollout.core.rows.derived_requirements import derive_requirements
from wish_rollout.core.rows.requirements import CheckRequirement
from wish_rollout.core.schema.scope import Scope
from wish_rollout.defs.metadata import findings_markdown
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.rows.row_probes import probe_requirements
from wish_rollout.postgres.sessions.connections import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.rows.requirements import Requirement, RowFinding


def requirements_of(url: str, case: Case) -> tuple[Requirement, ...]:
    """Return the requirements of the statements; the statements are rolled back."""
    with connect(url, "the test") as connection:
        connection.execute(TABLES)
        before = read_database_state(connection, Scope()).snapshot
        with connection.transaction(force_rollback=True):
            connection.execute("truncate items, cars, parts, pairs, bonds, days, shops")
            run(connection, case.statements)
            after = read_database_state(connection, Scope()).snapshot
    renamed = all_renames(before, [PendingRevision("r", before, after, case.statements)])
    return derive_requirements(before, after, renamed)


def run(connection: psycopg.Connection[tuple[object, ...]], statements: Sequence[str]) -> None:
    for text in statements:
        connection.execute(text.encode())


def skip_before(url: str, case: Case) -> None:
    with connect(url, "the test") as connection:
        if connection.info.server_version // 10000 < case.since:
            pytest.skip("this version does not have it")


def probe(url: str, requirements: Sequence[Requirement]) -> list[RowFinding]:
    with connect(url, "the test") as connection:
        return probe_requirements(connection, "prod", requirements)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_violating_rows_are_found(case: Case, database: str) -> None:
    skip_before(database, case)
    wanted = requirements_of(database, case)
    with connect(database, "the test") as connection:
        run(connection, [case.bad])

        found = probe(database, wanted)

        assert [bool(one.rows) for one in found] == [True], found
        assert case.says in str(found[0])
        assert len(connection.execute(found[0].sql.encode()).fetchall()) == found[0].rows
        if case.name != "label-removed":  # the cast of this case gives every row the same label
            with pytest.raises(psycopg.Error) as failed:
                run(connection, ["begin", *case.statements, "set constraints all immediate"])
            assert (failed.value.sqlstate or "")[:2] in ("22", "23"), failed.value


@pytest.mark.pg(">=18")  # accepted statements do not differ between versions
@pytest.mark.parametrize("case", CASES, ids=str)
def test_valid_rows_are_not_found(case: Case, database: str) -> None:
    wanted = requirements_of(database, case)
    with connect(database, "the test") as connection:
        run(connection, [case.good])

        assert probe(database, wanted) == []
        run(connection, case.statements)


def test_probe_with_a_timeout_has_no_result(database: str) -> None:
    wanted = requirements_of(database, CASES[0])
    with psycopg.connect(database) as other:
        other.execute("lock table items in access exclusive mode")

        found = probe(database, wanted)

        assert [one.rows for one in found] == [None]
        assert "could not be probed" in found[0].description
        assert "| not counted |" in findings_markdown(found)


def test_lost_connection_is_no_finding(database: str) -> None:
    with connect(database, "the test") as connection:
        connection.execute("create table items (price int); insert into items values (1)")
        ends_session = CheckRequirement(
            table="public.items",
            columns=("price",),
            name="c",
            expression="pg_terminate_backend(pg_backend_pid())",
        )
        with pytest.raises(psycopg.OperationalError):
            probe_requirements(connection, "prod", [ends_session])
