"""Each mutation and each pair of schemas is led there and back by a remedy, or the remedy names what it does not cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres.cases import EVERYTHING, Case, read_cases
from tests.postgres.pairs import GOOD, SUPERUSER, Verdict, compose, lead, run_possible
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.text.sql_tokens import split_statements
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import psycopg

    from tests.postgres.conftest import Server
    from wish_rollout.core.schema.snapshot import Snapshot

MUTATIONS = read_cases("mutations")
PAIRS = read_cases("pairs")
MEMBER = "others: extension: member added"
"""A snapshot leaves out what an extension owns, so a remedy cannot know of it; docs/drift.md says so."""
COMPOSED = [case for case in MUTATIONS if case.title != MEMBER]
SEEDS = [(seed, 18) for seed in range(1, 13)] + [(seed, 15) for seed in range(101, 107)]


def on_versions(cases: list[Case]) -> list[tuple[Case, int]]:
    """Return the cases with a version: every fourth with the oldest and the others with the newest, to save time.

    With WISH_ALL_MUTATIONS, each with both.
    """
    if EVERYTHING:
        return [(case, major) for major in (18, 15) for case in cases]
    return [(case, 15 if place % 4 == 0 and case.since <= 15 else 18) for place, case in enumerate(cases)]


REFUSED = {
    "others: server with a secret would have to be created again",
    "others: view lists all columns, and a column before others goes",
    "partitions: enum that is the partition key",
    "partitions: partition is detached",
    "tables: column that owns a sequence goes, and the sequence stays",
    "tables: no cast leads there",
    "tables: column goes below views, indexes and constraints",
    "tables: parent's column goes with its children's",
    "partitions: own column goes, and the table is inherited",
    "partitions: parent has a check, and goes",
    "partitions: table that has children becomes a partition",
    "partitions: child becomes a partition of its parent, which becomes partitioned, and copies of indexes go",
    "partitions: index of a replica identity is attached and separated",
    "partitions: parent is exchanged for one with another check of the same name",
    "partitions: column of a partitioned table becomes generated",
    "partitions: another column becomes the partition key, and the former one goes",
    "tables: columns are added to parents and children, the last parent first",
    "tables: table gets a second parent, and columns of its first one come and go",
    "tables: statistics on columns that get another order",
    "tables: TOAST parameters of a table whose only column for it is not covered",
    "tables: column gets another name, and a new one its former name",
    "others: view of a join without common columns, and one whose columns have other names",
    "others: view names the columns of a table by their places, and one of them goes",
    "others: column gets another name below views that name all columns, and a new one its former name",
    "partitions: replica identity by the copy of an index that is created again",
    "others: view of VALUES with another name of a column",
    "partitions: parent's expression changes, and not that of each child [since 17]",
    "tables: grandparent's column goes, and the grandchild's gets another type",
    "others: rule that returns all columns is created, and one of them goes",
    "tables: check of a child that loses a parent goes",
    "tables: attribute of a typed table gets a type without a cast by assignment",
    "tables: columns that are called as properties go",
    "not_nulls: partition is detached and keeps the name of its NOT NULL constraint",
    "not_nulls: constraint of a child becomes an inherited one [since 18]",
    "not_nulls: names of NOT NULL of children [since 18]",
    "not_nulls: names of NOT NULL of children that differ [since 18]",
    "not_nulls: NOT VALID of parents and children [since 18]",
    "not_nulls: NOT VALID of a parent alone [since 18]",
    "not_nulls: NOT VALID of both by themselves [since 18]",
}
"""Pairs of which a remedy does not cover everything, at least in one direction."""
REFUSED_BEFORE_17 = {
    "tables: type changes below defaults and generated columns",
    "functions: function below a generated column gets another signature",
    "tables: function below generated columns of a parent and its children gets another signature",
}
"""Pairs that need SET EXPRESSION."""


def assert_led(verdict: Verdict) -> None:
    assert verdict.result in GOOD, verdict.details
    assert not verdict.lost


@pytest.mark.parametrize(("case", "major"), on_versions(MUTATIONS), ids=str)
def test_a_mutation_is_taken_back_and_repeated(
    case: Case, major: int, servers: Callable[[int], Server]
) -> None:
    server = servers(major)
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not know it")
    if case.title == MEMBER:
        pytest.skip("an extension's member is in no snapshot")
    before_sql, mutation = (part or "SELECT 1" for part in case.parts[:2])
    with server.scratch() as connection:
        connection.execute(before_sql.encode())
        before = read_snapshot(connection)
        connection.execute("SAVEPOINT as_before")
        connection.execute(mutation.encode())
        after = read_snapshot(connection)
        assert_led(lead(connection, after, before, server.major))
        connection.execute("ROLLBACK TO as_before")
        assert_led(lead(connection, before, after, server.major))


def run(connection: psycopg.Connection, statements: Sequence[str]) -> Snapshot:
    for text in statements:
        connection.execute(text.encode())
    return read_snapshot(connection)


@pytest.mark.parametrize(("case", "major"), on_versions(PAIRS), ids=str)
def test_a_pair_is_led_there_and_back_and_from_nothing(
    case: Case, major: int, servers: Callable[[int], Server]
) -> None:
    server = servers(major)
    if server.major < case.since:
        pytest.skip(f"PostgreSQL {server.major} does not know it")
    sides = [split_statements(part) for part in case.parts]
    roles = sorted({text for side in sides for text in side if text.startswith("CREATE ROLE")})
    sides = [[text for text in side if text not in roles] for side in sides]
    refused = case.title in REFUSED or (major < 17 and case.title in REFUSED_BEFORE_17)
    with server.scratch() as connection:
        nothing = run(connection, roles)
        connection.execute("SAVEPOINT nothing")
        schemas = []
        for side in sides:
            schemas.append(run(connection, side))
            connection.execute("ROLLBACK TO nothing")
        ways = [(sides[0], schemas[1]), (sides[1], schemas[0])]
        if EVERYTHING or PAIRS.index(case) % 3 == 0:  # to save time
            ways += [([], schemas[1]), (sides[1], nothing)]
        for start, target in ways:
            verdict = lead(connection, run(connection, start), target, server.major)
            assert_led(verdict)
            assert refused or verdict.result != "refused", verdict.details
            connection.execute("ROLLBACK TO nothing")


REFERENCED = """
CREATE TABLE p (a integer PRIMARY KEY, above integer REFERENCES p) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO ({});
CREATE TABLE c (a integer REFERENCES p, b integer REFERENCES p1);
INSERT INTO p VALUES (1, NULL), (2, 1);
INSERT INTO c VALUES (1, 2);
"""


def test_a_partition_whose_rows_foreign_keys_reference_gets_another_bound(server: Server) -> None:
    with server.scratch() as connection:
        connection.execute("SAVEPOINT nothing")
        target = run(connection, [REFERENCED.format(10)])
        connection.execute("ROLLBACK TO nothing")
        live = run(connection, [REFERENCED.format(20)])
        found = remedy(live, target, SUPERUSER, server.major)
        assert found.covered
        assert not found.loses_data
        assert not difference(run(connection, [each.sql for each in found.statements]), target)


def test_what_does_not_depend_on_a_column_called_as_a_property_stays(server: Server) -> None:
    case = next(each for each in PAIRS if each.title == "tables: columns that are called as properties go")
    with server.scratch() as connection:
        connection.execute("SAVEPOINT nothing")
        target = run(connection, split_statements(case.parts[1]))
        connection.execute("ROLLBACK TO nothing")
        live = run(connection, split_statements(case.parts[0]))
        found = remedy(live, target, SUPERUSER, server.major)
        assert found.covered
        assert {each.sql.partition(" DROP COLUMN ")[0] for each in found.statements} == {
            "ALTER TABLE public.t"
        }
        assert len(found.statements) == len({*live.objects} - {*target.objects})


@pytest.mark.parametrize(("seed", "major"), SEEDS, ids=str)
def test_a_composition_of_mutations_is_led_there_and_back(
    seed: int, major: int, servers: Callable[[int], Server]
) -> None:
    server = servers(major)
    with server.scratch() as connection:
        before_sql, mutations = compose(seed, COMPOSED, server.major)
        run_possible(connection, before_sql)
        before = read_snapshot(connection)
        connection.execute("SAVEPOINT as_before")
        run_possible(connection, mutations)
        after = read_snapshot(connection)
        assert_led(lead(connection, after, before, server.major))
        connection.execute("ROLLBACK TO as_before")
        assert_led(lead(connection, before, after, server.major))
