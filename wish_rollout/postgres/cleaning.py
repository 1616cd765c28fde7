"""Dropping what is in the way of a release, in environments that are declared disposable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

DROPPED_AS = {"enum": "type", "composite type": "type", "range type": "type", "base type": "type"}
"""Kinds whose DROP names another word."""


def drop_objects(connection: psycopg.Connection[Any], objects: Sequence[tuple[str, str]]) -> None:
    """Drop the objects, given as (kind, name as a snapshot has it), and what depends on them.

    The caller's transaction holds it together. Names come from quote_ident() already, so they are SQL.
    """
    for kind, name in objects:
        word = DROPPED_AS.get(kind, kind).upper()
        statement = f"drop {word} if exists {name} cascade"
        connection.execute(sql.SQL(statement))
