"""Lock modes, and which locks a run takes next."""

from __future__ import annotations

import json

from wish_rollout.core.release.measurements import LockSequence, StatementMeasurement
from wish_rollout.core.release.table_locks import LockMode, TableLock, merge_locks

A = TableLock("public", "a", LockMode.ACCESS_EXCLUSIVE)
B = TableLock("public", "b", LockMode.SHARE)
C = TableLock("public", "c", LockMode.ROW_EXCLUSIVE, recursive=False)


def statement(digest: str, *locks: TableLock, outside: bool = False) -> StatementMeasurement:
    return StatementMeasurement(digest, outside, locks)


def test_conflicts_are_symmetric_and_named_as_in_pg_locks() -> None:
    assert all(one in other.conflicting for one in LockMode for other in one.conflicting)
    assert [mode for mode in LockMode if mode.blocks_queries] == [
        mode for mode in LockMode if LockMode.ROW_EXCLUSIVE in mode.conflicting
    ]
    assert [LockMode.from_pg_locks(mode.pg_locks_name) for mode in LockMode] == list(LockMode)
    assert LockMode.from_pg_locks("ShareRowExclusiveLock") is LockMode.SHARE_ROW_EXCLUSIVE


def test_a_stronger_lock_includes_weaker_ones_of_the_same_table() -> None:
    share = TableLock("public", "a", LockMode.SHARE)
    only = TableLock("public", "a", LockMode.SHARE, recursive=False)
    assert merge_locks([C, share, A, B]) == [A, B, C]
    assert merge_locks([only, A, only]) == [A, only]
    rows = TableLock("public", "b", LockMode.ROW_EXCLUSIVE)
    assert merge_locks([rows, B]) == [B, rows], "SHARE does not conflict with SHARE, ROW EXCLUSIVE does"


def test_locks_are_those_up_to_the_end_of_the_transaction() -> None:
    first = [statement("1"), statement("2", A), statement("3", C)]
    second = [statement("4", B), statement("5", outside=True), statement("6", A)]
    sequence = LockSequence([("one", first), ("two", second)])

    assert sequence.locks_to_take("one", until_end=True) == [A, B, C]
    assert sequence.advance("one", "1") == first[0]
    assert sequence.locks_to_take("one", until_end=False) == [A, C]
    assert sequence.advance("one", "3") == first[2]
    assert sequence.locks_to_take("one", until_end=True) == [B, C]
    assert sequence.advance("two", "5") == second[1]
    assert sequence.locks_to_take("two", until_end=True) == []
    assert sequence.advance("two", "6") == second[2]
    assert sequence.locks_to_take("two", until_end=True) == [A]


def test_a_statement_that_was_not_measured_changes_nothing() -> None:
    sequence = LockSequence([("one", [statement("1", A), statement("1", B)])])

    assert sequence.advance("one", "other") is None
    assert sequence.advance("unknown", "1") is None
    assert sequence.advance("one", "1") == statement("1", A)
    assert sequence.advance("one", "1") == statement("1", B)
    assert sequence.advance("one", "1") is None


def test_json_keeps_a_measurement() -> None:
    measured = StatementMeasurement("d", outside=True, locks=(A, C), scans=("public.a",), rewrites=("x.y",))
    unknown = StatementMeasurement("d", outside=True, locks=None)

    for each in (measured, unknown):
        assert StatementMeasurement.from_json(json.loads(json.dumps(each.as_json()))) == each
