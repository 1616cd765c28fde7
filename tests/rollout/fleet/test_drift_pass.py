"""What a pass over the targets of a fleet reads of those that have not changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg
import pytest

from wish_rollout.postgres.facts.write_counters import read_write_counters
from wish_rollout.rollout.fleet.drift_pass import DriftPass
from wish_rollout.rollout.fleet.known_states import PASSES_UNTIL_PROOF, KnownState

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet
    from tests.fix_replica import Node

OTHER = "a token that the target does not have"


def passes(fleet: Fleet, count: int = 1) -> DriftPass:
    """Return the last of some successive passes."""
    found = DriftPass(fleet.workspace.project, fleet.environment)
    for _ in range(count):
        found.read(fleet.targets, 3600)
    found.save([target.name for target in fleet.targets], lambda _: None)
    return found


def change_known_tokens(found: DriftPass) -> None:
    """Change what is known of the targets, so that they are read again when their tokens are."""
    for name, state in found.states.items():
        found.states[name] = replace(state, token=OTHER)
    found.known.write()


def test_the_token_of_a_target_is_read_if_rows_were_written_and_otherwise_in_every_twelfth_pass(
    fleet: Fleet,
) -> None:
    fleet.add("a", "b")
    fleet.sql("b", "create table public.by_hand (a int)")
    first = passes(fleet)
    change_known_tokens(first)
    fleet.sql("b", "insert into by_hand values (1)")

    second = passes(fleet)

    assert second.states["b"].token != OTHER
    assert (second.states["a"].token == OTHER) is not role_was_written(first, second)
    assert passes(fleet, PASSES_UNTIL_PROOF).states["a"].token != OTHER


def role_was_written(first: DriftPass, second: DriftPass) -> bool:
    """Return whether another test has created or dropped a role between two passes."""
    return first.states["a"].counters != second.states["a"].counters


@pytest.mark.parametrize(
    ("instance", "counters", "basis", "unproven", "holds"),
    [
        ("i", "c", "b", 0, True),
        ("i", "c", "b", PASSES_UNTIL_PROOF - 1, True),
        ("i", "c", "b", PASSES_UNTIL_PROOF, False),
        ("other", "c", "b", 0, False),
        ("i", "other", "b", 0, False),
        ("i", "", "b", 0, False),
        ("i", "c", "other", 0, False),
    ],
)
def test_equal_counters_are_sufficient_for_some_passes(
    instance: str, counters: str, basis: str, unproven: int, holds: bool
) -> None:
    known = KnownState("t", "b", "in_step", instance="i", counters=counters and "c", unproven=unproven)
    assert known.holds_by_counters(instance, counters, basis) is holds
    assert not replace(known, token="").holds_by_counters(instance, counters, basis)


def test_counters_differ_after_each_write_that_changes_a_state_token_and_for_another_role(
    primary_and_standby: tuple[Node, Node],
) -> None:
    url = primary_and_standby[0].url("postgres")
    found = []
    with psycopg.connect(url, autocommit=True) as reader:
        for statement in (
            "select 1",
            "create table t (a int)",
            "insert into t values (1)",
            "comment on table t is 'x'",
            "truncate t",
            "drop table t",
            "create role r",
            "alter role r createdb",
            "drop role r",
            "create subscription s connection 'dbname=other' publication p with (connect = false, slot_name = none)",
            "alter subscription s set (synchronous_commit = local)",
            "drop subscription s",
        ):
            with psycopg.connect(url, autocommit=True) as writer:
                writer.execute(statement.encode())
                writer.execute("select pg_stat_force_next_flush()")
            found.append(read_write_counters(reader))
            assert read_write_counters(reader) == found[-1]
        reader.execute("set role pg_monitor")
        found.append(read_write_counters(reader))

    assert len(set(found)) == len(found)
    assert len({instance for instance, _ in found}) == 1


def test_counters_are_not_used_where_the_server_does_not_count(
    primary_and_standby: tuple[Node, Node],
) -> None:
    primary, standby = primary_and_standby
    with psycopg.connect(standby.url("postgres"), autocommit=True) as connection:
        assert read_write_counters(connection) == ("", "")
    with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
        assert all(read_write_counters(connection))
        connection.execute("set track_counts = off")
        assert read_write_counters(connection) == ("", "")
