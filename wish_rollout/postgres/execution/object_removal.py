"""Dropping what is in the way of a release, in environments that are declared disposable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

from wish_rollout.core.schema.names import PART_KINDS, split_last

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

DROPPED_AS = {"enum": "type", "composite type": "type", "range type": "type", "base type": "type"}
"""Kinds whose DROP names another word."""
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
"""What depends on others goes before them; types, which are not named here, go last."""


def drop_objects(connection: psycopg.Connection[Any], objects: Sequence[tuple[str, str]]) -> None:
    """Drop the objects, given as (kind, name as a snapshot has it), and nothing else.

    There is no CASCADE: where something that nobody named depends on one of them, the server refuses. The
    caller's transaction holds it together. Names come from quote_ident() already, so they are SQL.
    """
    kinds: dict[str, list[str]] = {}
    for kind, name in objects:
        kinds.setdefault(kind, []).append(name)
    for kind in sorted(kinds, key=_rank):
        for statement in statements(kind, kinds[kind]):
            connection.execute(sql.SQL(statement))


def statements(kind: str, names: Sequence[str]) -> list[str]:
    """Write the DROPs of objects of one kind; whole ones go together, since they may refer to each other."""
    if kind in ("column", "constraint"):
        owned = [split_last(name) for name in names]
        return [f"alter table {table} drop {kind} {name}" for table, name in owned]
    if kind in PART_KINDS:
        return [f"drop {kind} {part} on {table}" for table, part in map(split_last, names)]
    return [f"drop {DROPPED_AS.get(kind, kind)} {', '.join(names)}"]


def _rank(kind: str) -> int:
    return -1 if kind in PART_KINDS or kind == "index" else ORDER.index(kind) if kind in ORDER else len(ORDER)
