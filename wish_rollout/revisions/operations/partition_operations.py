"""Changes of partitioned tables that hold no lock for long, and that can be run again after an interruption."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from wish_rollout.revisions.operations.catalog_lookups import execute, fetch_all, fetch_one
from wish_rollout.revisions.operations.operation_sql import quoted
from wish_rollout.revisions.operations.safe_operations import add_check, create_index_concurrently
from wish_rollout.revisions.statements import helper_statements as asked
from wish_rollout.revisions.statements.helper_statements import literal

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    for its_schema, partition, is_partitioned, attached in fetch_all(
        asked.PARTITIONS, table=place, index=index
    ):
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
    if fetch_one(asked.IS_ATTACHED, table=place, parent=whole):
        return
    _add_indexes(whole, table, schema)
    _add_foreign_keys(whole, table, schema)
    condition = _bounds_condition(whole, bounds)
    proofs = [(f"{table}_bounds"[:NAME_LIMIT], table, schema, condition)]
    for its_schema, default in fetch_all(asked.DEFAULT_PARTITION, parent=whole):
        proofs.append((f"{default}_excludes"[:NAME_LIMIT], default, its_schema, f"NOT ({condition})"))
    for name, its_table, its_schema, expression in proofs:
        add_check(name, its_table, sa.text(expression.replace(":", r"\:")), schema=its_schema)
    execute(f"ALTER TABLE {whole} ATTACH PARTITION {place} {bounds}")
    for name, its_table, its_schema, _ in proofs:
        op.drop_constraint(name, its_table, schema=its_schema)


def _add_indexes(parent: str, table: str, schema: str | None) -> None:
    """Build the indexes of the parent that the table lacks; a primary key or unique constraint uses its index."""
    place = quoted(table, schema)
    for index, definition, constraint in fetch_all(asked.MISSING_INDEXES, parent=parent, table=place):
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
    for name, definition in fetch_all(asked.MISSING_KEYS, parent=parent, table=place):
        if fetch_one(asked.CONSTRAINT_LOOKUP, name=name, table=place) is None:
            execute(f"ALTER TABLE {place} ADD CONSTRAINT {quoted(name)} {definition} NOT VALID")
        with op.get_context().autocommit_block():
            execute(f"ALTER TABLE {place} VALIDATE CONSTRAINT {quoted(name)}")


def _bounds_condition(parent: str, bounds: str) -> str:
    """Return the condition that the bounds mean, as the server writes it for a temporary partition.

    A partition by hash contains the parent's OID: it is replaced by the parent's name, which every database has.
    """
    fetch_all(asked.CREATE_PARENT.format(place=literal(parent)))
    fetch_all(asked.CREATE_PARTITION.format(bounds=bounds))
    condition, oid = str(fetch_one(asked.BOUNDS)), fetch_one(asked.OF_PARENT)
    fetch_all(asked.DROP_PARENT)
    return condition.replace(f"'{oid}'::oid", f"{literal(parent)}::regclass::oid")
