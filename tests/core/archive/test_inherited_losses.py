"""Losses of partitions and child tables, which their parents' losses cover or do not."""

from __future__ import annotations

import pytest

from tests.core.archive.test_losses import Objects, losses, table
from wish_rollout.core.archive.losses import derive_losses
from wish_rollout.core.schema.snapshot import Snapshot


def under(parent: str, name: str, kind: str = "partition of", **columns: str) -> Objects:
    """Return a partition, or a child table (``kind``: inherits), with columns: name = type."""
    parts = table(name, **columns)
    parts["table", f"public.{name}"][kind] = (
        f"public.{parent}" if kind == "partition of" else [f"public.{parent}"]
    )
    return parts


P = table("p", id="integer", note="text")
NOTED = P | under("p", "q", id="integer", note="text")
CHILD = P | under("p", "q", "inherits", id="integer", note="text")
ALONE = table("q", id="integer", note="text")
RENAMED = table("p", id="integer", text="text") | under("p", "q", id="integer", text="text")


@pytest.mark.parametrize(
    ("before", "after", "statements", "expected"),
    [
        (CHILD, {}, ["DROP TABLE q", "DROP TABLE p"], ["table public.p", "table public.q"]),
        (
            CHILD,
            CHILD,
            ["DROP TABLE p CASCADE", "CREATE TABLE p ()", "CREATE TABLE q ()"],
            ["table public.p", "table public.q"],
        ),
        (CHILD, ALONE, ["ALTER TABLE q NO INHERIT p", "DROP TABLE p"], ["table public.p"]),
        (NOTED, {}, ["DROP TABLE p"], ["table public.p"]),
        (NOTED, {}, ["DROP TABLE q", "DROP TABLE p"], ["table public.p", "table public.q"]),
        (
            NOTED,
            NOTED,
            ["DROP TABLE p", "CREATE TABLE p ()", "CREATE TABLE q PARTITION OF p"],
            ["table public.p"],
        ),
        (NOTED, ALONE, ["ALTER TABLE p DETACH PARTITION q", "DROP TABLE p"], ["table public.p"]),
        (
            NOTED,
            {},
            ["ALTER TABLE p DETACH PARTITION q", "DROP TABLE p, q"],
            ["table public.p", "table public.q"],
        ),
        (
            NOTED,
            P | table("q", id="integer"),
            ["ALTER TABLE p DETACH PARTITION q", "ALTER TABLE q DROP note"],
            ["column public.q.note"],
        ),
        (
            NOTED,
            table("q", id="integer"),
            ["ALTER TABLE p DETACH PARTITION q", "DROP TABLE p", "ALTER TABLE q DROP note"],
            ["table public.p", "column public.q.note"],
        ),
        (
            NOTED,
            table("p", id="integer") | under("p", "q", id="integer"),
            ["ALTER TABLE p DROP note"],
            ["column public.p.note"],
        ),
        (NOTED, RENAMED, ["ALTER TABLE p RENAME note TO text"], []),
        (NOTED, NOTED, ["ALTER TABLE p DROP note", "ALTER TABLE p ADD note text"], ["column public.p.note"]),
        (
            NOTED,
            NOTED,
            ["ALTER TABLE p ALTER note TYPE text USING upper(note)"],
            ["changed values of column public.p.note"],
        ),
        (
            CHILD,
            P | table("q", id="integer", note="character varying(2)"),
            ["ALTER TABLE q NO INHERIT p", "ALTER TABLE q ALTER note TYPE varchar(2) USING left(note, 2)"],
            ["changed values of column public.q.note"],
        ),
    ],
)
def test_losses_of_partitions_and_children(
    before: Objects, after: Objects, statements: list[str], expected: list[str]
) -> None:
    assert sorted(losses(before, after, *statements)) == sorted(expected)


def test_partition_that_is_detached_is_apart_from_the_lost_table() -> None:
    before = NOTED | under("p", "r", id="integer", note="text") | under("q", "q1", id="integer", note="text")
    after = ALONE | under("q", "q1", id="integer", note="text")
    (lost,) = derive_losses(
        Snapshot(before), Snapshot(after), ["ALTER TABLE p DETACH PARTITION q", "DROP TABLE p"]
    ).losses
    assert (lost.name, lost.apart) == ("public.p", ("public.q", "public.q1"))


def test_column_that_is_renamed_with_a_parent_has_its_later_name() -> None:
    statements = ["ALTER TABLE p RENAME note TO text", "ALTER TABLE p DETACH PARTITION q"]
    after = table("p", id="integer", text="text") | table("q", id="integer", text="text")
    found = derive_losses(Snapshot(NOTED), Snapshot(after), statements)
    assert found.losses == ()
    assert found.later == {"public.p.note": "public.p.text", "public.q.note": "public.q.text"}
