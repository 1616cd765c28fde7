"""Moving lost tables into the archive schema, and creating empty ones in their place for the downgrades.

The empty tables are created by the remedy from the schema without the tables to the schema before, and the result is
compared with the schema before. If it is not exactly that, nothing is moved, and the caller copies the rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.archive.archive import Archive, ArchivedObject
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.schema.comparison import difference
from wish_rollout.postgres.archives.archive_store import drop_contents
from wish_rollout.postgres.archives.movable_tables import movable_tables, used_enums
from wish_rollout.postgres.archives.table_description import describe_table
from wish_rollout.postgres.archives.table_moves import move_enums, move_tables
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.facts.row_counts import count

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.core.schema.snapshot import Snapshot

RETRYABLE = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected)
"""Errors after which the whole attempt is repeated."""


class NotReplaceable(Exception):
    """The empty tables are not exactly like the moved ones."""


def replace_tables(
    connection: psycopg.Connection[Any],
    archive: Archive,
    lost: tuple[Sequence[str], Sequence[str], Collection[str]],
    roles: Roles,
    scope: Scope,
) -> tuple[Archive, set[str]]:
    """Move what can be moved; return the archive, and the tables whose rows are in it now.

    ``lost``: all lost tables, those with rows, and the lost enums. Call it in a transaction that holds ACCESS EXCLUSIVE
    locks on the tables. Raises psycopg's errors.
    """
    tables, filled, enums = lost
    movable = movable_tables(connection, tables, enums)
    if movable.isdisjoint(filled):
        return archive, set()
    before = read_snapshot(connection, scope)
    try:
        with connection.transaction():
            moved = _move(connection, archive, sorted(movable), set(filled))
            _create_again(connection, before, roles, scope)
    except RETRYABLE:
        raise
    except (NotReplaceable, psycopg.Error):
        if connection.closed:
            raise
        return archive, set()
    return moved, movable


def _move(
    connection: psycopg.Connection[Any], archive: Archive, tables: Sequence[str], filled: set[str]
) -> Archive:
    enums = used_enums(connection, tables)
    new_types = [f"a{archive.number}_t{len(archive.types) + place}" for place in range(1, len(enums) + 1)]
    objects = []
    for place, table in enumerate(tables):
        description = describe_table(connection, table)
        assert description is not None
        columns = tuple(column.name for column in description.stored)
        relation = archive.next_relation(place)
        objects.append(ArchivedObject("table", table, relation, columns, moved=True))
    move_tables(connection, [(each.table, each.relation) for each in objects])
    move_enums(connection, list(zip(enums, new_types, strict=True)))
    drop_contents(connection, [each.relation for each in objects if each.table not in filled])
    kept = [
        replace(each, rows=count(connection, f"wish_rollout_archive.{each.relation}"))
        for each in objects
        if each.table in filled
    ]
    return replace(archive, objects=(*archive.objects, *kept), types=(*archive.types, *new_types))


def _create_again(connection: psycopg.Connection[Any], before: Snapshot, roles: Roles, scope: Scope) -> None:
    """Create what the move has taken away, empty; raise NotReplaceable if the schema is not the same then."""
    major = connection.info.server_version // 10000
    found = remedy(read_snapshot(connection, scope), before, roles, major)
    if found.gaps:
        raise NotReplaceable(str(found.gaps[0]))
    for statement in found.statements:
        connection.execute(statement.sql.encode())
    if left := difference(read_snapshot(connection, scope), before):
        raise NotReplaceable(left.changes[0].name)
