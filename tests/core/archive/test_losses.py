"""Losses are derived from the schemas before and after, and from the statements between them."""

from __future__ import annotations

from typing import Any

import pytest

from wish_rollout.core.archive.losses import derive_losses
from wish_rollout.core.schema.snapshot import Snapshot

Objects = dict[tuple[str, str], dict[str, Any]]


def table(name: str, **columns: str) -> Objects:
    """Return a table with columns: name = type."""
    parts: Objects = {("table", f"public.{name}"): {"owner": "$migrator"}}
    for place, (column, kind) in enumerate(columns.items(), start=1):
        parts["column", f"public.{name}.{column}"] = {"type": kind, "position": place}
    return parts


def losses(before: Objects, after: Objects, *statements: str) -> list[str]:
    return [str(loss) for loss in derive_losses(Snapshot(before), Snapshot(after), statements).losses]


BASE = table("a", id="integer", note="text")


@pytest.mark.parametrize(
    ("before", "after", "statements", "expected"),
    [
        (BASE, {}, ["DROP TABLE a"], ["table public.a"]),
        (BASE, table("a", id="integer"), ["ALTER TABLE a DROP note"], ["column public.a.note"]),
        (BASE, table("b", id="integer", note="text"), ["ALTER TABLE a RENAME TO b"], []),
        (
            BASE,
            table("b", id="integer", note="text"),
            ["DROP TABLE a", "CREATE TABLE b ()"],
            ["table public.a"],
        ),
        (BASE, table("a", id="integer", text="text"), ["ALTER TABLE a RENAME COLUMN note TO text"], []),
        (
            BASE,
            table("a", id="integer", text="text"),
            ["ALTER TABLE a DROP note, ADD text text"],
            ["column public.a.note"],
        ),
        (
            BASE,
            table("b", id="integer"),
            ["ALTER TABLE a RENAME TO b", "ALTER TABLE b DROP COLUMN IF EXISTS note"],
            ["column public.a.note"],
        ),
        (BASE, BASE, ["DROP TABLE public.a", "CREATE TABLE a (id int, note text)"], ["table public.a"]),
        (BASE, BASE, ["ALTER TABLE a DROP note", "ALTER TABLE a ADD note text"], ["column public.a.note"]),
        (BASE, BASE, ["TRUNCATE a"], ["table public.a"]),
        (BASE, BASE, ["ALTER TABLE a ALTER note DROP DEFAULT", "ALTER TABLE a DROP CONSTRAINT note"], []),
        (
            BASE,
            table("a", id="integer", note="character varying(3)"),
            ["ALTER TABLE a ALTER note TYPE varchar(3)"],
            [],
        ),
        (
            BASE,
            table("a", id="integer", note="character varying(3)"),
            ["ALTER TABLE a ALTER note TYPE varchar(3) USING note::varchar(3)"],
            ["changed values of column public.a.note"],
        ),
        (
            table("a", amount="numeric(12,4)"),
            table("a", amount="numeric(8,2)"),
            ["ALTER TABLE a ALTER amount TYPE numeric(8,2)"],
            ["changed values of column public.a.amount"],
        ),
        (
            table("a", at="bigint"),
            table("a", at="integer"),
            ["ALTER TABLE a ALTER at TYPE int"],
            [],
        ),
    ],
)
def test_losses_of_statements(
    before: Objects, after: Objects, statements: list[str], expected: list[str]
) -> None:
    assert losses(before, after, *statements) == expected


def test_values_of_an_enum_that_loses_a_label() -> None:
    columns = table("a", size="public.size", sizes="public.size[]", note="text")
    before = {**columns, ("enum", "public.size"): {"labels": ["S", "L"]}}
    shrunk = {**columns, ("enum", "public.size"): {"labels": ["S"]}}
    renamed = {**columns, ("enum", "public.size"): {"labels": ["S", "XL"]}}
    expected = ["changed values of column public.a.size", "changed values of column public.a.sizes"]
    assert losses(before, shrunk) == expected
    assert losses(before, renamed) == []


def test_generated_columns_and_views_lose_nothing() -> None:
    before = table("a", id="integer", doubled="integer")
    before["column", "public.a.doubled"]["generated"] = "stored"
    before |= {("view", "public.v"): {}, ("column", "public.v.id"): {"type": "integer", "position": 1}}
    assert losses(before, table("a", id="integer"), "DROP VIEW v", "ALTER TABLE a DROP doubled") == []


def test_partitions_are_lost_with_their_parent() -> None:
    before = table("a", id="integer") | table("a1", id="integer")
    before["table", "public.a1"]["partition of"] = "public.a"
    assert losses(before, {}, "DROP TABLE a") == ["table public.a"]
    assert losses(before, table("a", id="integer"), "DROP TABLE a1") == ["table public.a1"]


def test_rows_must_stay_for_a_downgrade_that_may_read_them() -> None:
    before, after = Snapshot(BASE), Snapshot({})
    assert not derive_losses(
        before, after, ["DROP INDEX i", "DROP TABLE a", "COMMENT ON SCHEMA s IS 'x'"]
    ).reads_rows
    for text in (
        "INSERT INTO b SELECT * FROM a",
        "DO $$ BEGIN PERFORM 1; END $$",
        "CREATE TABLE b AS TABLE a",
    ):
        assert derive_losses(before, after, [text, "DROP TABLE a"]).reads_rows
