"""Changes of partitioned tables that hold no lock for long, and that can be run again after an interruption."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.operations.catalog_lookups import execute, fetch_all, fetch_one
from wish_rollout.revisions.operations.operation_sql import quoted
from wish_rollout.revisions.operations.safe_operations import add_check, create_index_concurrently

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTITIONS = """
SELECT n.nspname, c.relname, c.relkind = 'p',
       (SELECT x.indexrelid::regclass::text FROM pg_catalog.pg_index x JOIN pg_catalog.pg_inherits h ON h.inhrelid = x.indexrelid
         WHERE x.indrelid = c.oid AND h.inhparent = to_regclass(:index))
  FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.inhparent = to_regclass(:table) ORDER BY c.relname
"""
MISSING_INDEXES = """
SELECT c.relname, pg_catalog.pg_get_indexdef(x.indexrelid), k.contype::text
  FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')
 WHERE x.indrelid = to_regclass(:parent)
   AND NOT EXISTS (
       SELECT FROM pg_catalog.pg_index y
         LEFT JOIN pg_catalog.pg_constraint l ON l.conindid = y.indexrelid AND l.contype IN ('p', 'u')
        WHERE y.indrelid = to_regclass(:table) AND y.indisvalid AND l.contype IS NOT DISTINCT FROM k.contype
          AND regexp_replace(pg_catalog.pg_get_indexdef(y.indexrelid), '^.* USING ', '')
            = regexp_replace(pg_catalog.pg_get_indexdef(x.indexrelid), '^.* USING ', ''))
"""
MISSING_KEYS = """
SELECT k.conname, pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint k
 WHERE k.conrelid = to_regclass(:parent) AND k.contype = 'f'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint l
                    WHERE l.conrelid = to_regclass(:table) AND l.contype = 'f' AND l.convalidated
                      AND pg_catalog.pg_get_constraintdef(l.oid) = pg_catalog.pg_get_constraintdef(k.oid))
"""
IS_VALIDATED = "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)"
IS_ATTACHED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = to_regclass(:table) AND inhparent = to_regclass(:parent))
"""
DEFAULT = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_partitioned_table p JOIN pg_catalog.pg_class c ON c.oid = p.partdefid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE p.partrelid = to_regclass(:parent)
"""
NAME_LIMIT = 63


def create_partitioned_index(
    name: str, table: str, columns: Sequence[Any], *, unique: bool = False, schema: str | None = None
) -> None:
    """Create an index of a partitioned table: on each partition CONCURRENTLY, then attached (manual, 5.11.2.2).

    ``columns``: names, or ``sa.text()`` for an expression. Writes continue meanwhile. A partition whose index is attached is
    left as it is, so that a second call continues where the first one was interrupted. Raises what the server raises.
    """
    keys = ", ".join(quoted(each) if isinstance(each, str) else str(each) for each in columns)
    _create_index_tree(name, table, columns, keys, unique=unique, schema=schema)


def _create_index_tree(  # noqa: PLR0913  (those of the public function, and the keys as SQL)
    name: str, table: str, columns: Sequence[Any], keys: str, *, unique: bool, schema: str | None
) -> None:
    kind = "UNIQUE INDEX" if unique else "INDEX"
    place = quoted(table, schema)
    execute(f"CREATE {kind} IF NOT EXISTS {quoted(name)} ON ONLY {place} ({keys})")
    index = quoted(name, schema)
    for its_schema, partition, is_partitioned, attached in fetch_all(PARTITIONS, table=place, index=index):
        if attached:
            continue
        own = f"{partition[: NAME_LIMIT - len(name) - 1]}_{name}"[:NAME_LIMIT]
        if is_partitioned:
            _create_index_tree(own, partition, columns, keys, unique=unique, schema=its_schema)
        else:
            create_index_concurrently(own, partition, columns, unique=unique, schema=its_schema)
        execute(f"ALTER INDEX {index} ATTACH PARTITION {quoted(own, its_schema)}")


def attach_partition(
    parent: str, table: str, bounds: str, *, schema: str | None = None, parent_schema: str | None = None
) -> None:
    """Attach a table as a partition without reading it under a lock (manual, ALTER TABLE, ATTACH PARTITION).

    ``bounds``: such as ``FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')``. First, the indexes and foreign keys of the parent
    that the table lacks are built, and a CHECK constraint with the bounds is validated; if the parent has a default partition,
    one that excludes the bounds is validated there. All of that blocks neither reads nor writes. ATTACH then reads nothing.
    A table that is attached is left as it is. Raises what the server raises, such as CheckViolation for rows that do not fit.
    """
    whole, place = quoted(parent, parent_schema or schema), quoted(table, schema)
    if fetch_one(IS_ATTACHED, table=place, parent=whole):
        return
    _add_indexes(whole, table, schema)
    _add_foreign_keys(whole, table, schema)
    condition = _bounds_condition(whole, bounds)
    proofs = [(f"{table}_bounds"[:NAME_LIMIT], table, schema, condition)]
    for its_schema, default in fetch_all(DEFAULT, parent=whole):
        proofs.append((f"{default}_excludes"[:NAME_LIMIT], default, its_schema, f"NOT ({condition})"))
    for name, its_table, its_schema, expression in proofs:
        add_check(name, its_table, sa.text(expression.replace(":", r"\:")), schema=its_schema)
    execute(f"ALTER TABLE {whole} ATTACH PARTITION {place} {bounds}")
    for name, its_table, its_schema, _ in proofs:
        op.drop_constraint(name, its_table, schema=its_schema)


def _add_indexes(parent: str, table: str, schema: str | None) -> None:
    """Build the indexes of the parent that the table lacks; a primary key or unique constraint uses its index."""
    place = quoted(table, schema)
    for index, definition, constraint in fetch_all(MISSING_INDEXES, parent=parent, table=place):
        own = f"{table[: NAME_LIMIT - len(index) - 1]}_{index}"[:NAME_LIMIT]
        match = re.fullmatch(r"CREATE (UNIQUE )?INDEX .*? USING (.*)", definition, re.DOTALL)
        if match is None:
            raise ValueError(f"the definition of index {index} cannot be read: {definition}")
        with op.get_context().autocommit_block():
            execute(
                f"CREATE {match[1] or ''}INDEX CONCURRENTLY IF NOT EXISTS {quoted(own)} ON {place} USING {match[2]}"
            )
        if constraint:
            kind = "PRIMARY KEY" if constraint == "p" else "UNIQUE"
            execute(f"ALTER TABLE {place} ADD CONSTRAINT {quoted(own)} {kind} USING INDEX {quoted(own)}")


def _add_foreign_keys(parent: str, table: str, schema: str | None) -> None:
    place = quoted(table, schema)
    for name, definition in fetch_all(MISSING_KEYS, parent=parent, table=place):
        if fetch_one(IS_VALIDATED, name=name, table=place) is None:
            execute(f"ALTER TABLE {place} ADD CONSTRAINT {quoted(name)} {definition} NOT VALID")
        with op.get_context().autocommit_block():
            execute(f"ALTER TABLE {place} VALIDATE CONSTRAINT {quoted(name)}")


def _bounds_condition(parent: str, bounds: str) -> str:
    """Return the condition that the bounds mean, as the server writes it for a temporary partition."""
    key = fetch_one("SELECT pg_catalog.pg_get_partkeydef(to_regclass(:parent))", parent=parent)
    temporary, partition = "wish_rollout_parent", "wish_rollout_partition"
    for statement in (
        f"CREATE TEMPORARY TABLE {temporary} (LIKE {parent}) PARTITION BY {key}",
        f"CREATE TEMPORARY TABLE {partition} PARTITION OF {temporary} {bounds}",
    ):
        fetch_all(statement)
    condition = str(
        fetch_one(
            "SELECT pg_catalog.pg_get_partition_constraintdef(to_regclass(:name))",
            name=f"pg_temp.{partition}",
        )
    )
    oids = [
        fetch_one("SELECT to_regclass(:name)::oid::text", name=name)
        for name in (f"pg_temp.{temporary}", parent)
    ]
    fetch_all(f"DROP TABLE pg_temp.{temporary}")
    return condition.replace(f"'{oids[0]}'::oid", f"'{oids[1]}'::oid")
