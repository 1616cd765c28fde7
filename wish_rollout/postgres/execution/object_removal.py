"""Drops the objects that conflict with a release, in environments that are declared disposable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from wish_rollout.core.schema.names import PART_KINDS, split_last

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

DROPPED_AS = {"enum": "type", "composite type": "type", "range type": "type", "base type": "type"}
"""Kinds whose DROP command has another keyword."""
ORDER = (
    "view",
    "materialized view",
    "foreign table",
    "table",
    "sequence",
    "function",
    "procedure",
    "aggregate",
)
"""Objects that depend on others are dropped before them; types, which are not listed, are dropped last."""


def drop_objects(connection: psycopg.Connection[Any], objects: Sequence[tuple[str, str]]) -> None:
    """Drop the objects, given as (kind, name in a snapshot), and no others.

    CASCADE is not used: if another object depends on one of them, the server reports an error. Call it in a
    transaction, so that all are dropped or none. Names in a snapshot come from quote_ident(), so they are SQL.
    Raises psycopg's errors.
    """
    kinds: dict[str, list[str]] = {}
    for kind, name in objects:
        kinds.setdefault(kind, []).append(name)
    for kind in sorted(kinds, key=_rank):
        for statement in drop_statements(kind, kinds[kind]):
            connection.execute(sql.SQL(statement))


def drop_statements(kind: str, names: Sequence[str]) -> list[str]:
    """Return the DROP statements of objects of one kind: one for all, since they may depend on each other."""
    if kind in ("column", "constraint"):
        owned = [split_last(name) for name in names]
        return [f"alter table {table} drop {kind} {name}" for table, name in owned]
    if kind in PART_KINDS:
        return [f"drop {kind} {part} on {table}" for table, part in map(split_last, names)]
    return [f"drop {DROPPED_AS.get(kind, kind)} {', '.join(names)}"]


def _rank(kind: str) -> int:
    return -1 if kind in PART_KINDS or kind == "index" else ORDER.index(kind) if kind in ORDER else len(ORDER)
