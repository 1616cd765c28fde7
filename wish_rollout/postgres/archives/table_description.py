"""What the catalog says about a table that is archived or restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

COLUMNS: LiteralString = """
select quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), t.typnamespace = 'pg_catalog'::regnamespace,
       a.attgenerated <> '', a.attnotnull and not exists (
            select from pg_constraint n where n.conrelid = a.attrelid and n.contype = 'n' and not n.convalidated
            and n.conkey = array[a.attnum]),
       case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end
from pg_attribute a join pg_type t on t.oid = a.atttypid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
HAS_CHILDREN: LiteralString = """
select c.relkind = 'r' and exists (select from pg_inherits where inhparent = c.oid)
from pg_class c where c.oid = to_regclass(%s)
"""
UNIQUE_KEYS: LiteralString = """
select array(select quote_ident(a.attname) from unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality as k (number, place)
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number order by k.place) as columns
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = %s::regclass and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
order by i.indisprimary desc, i.indnkeyatts, c.relname
"""
FOREIGN_KEYS: LiteralString = """
select f.confrelid::regclass::text, f.confrelid = f.conrelid,
       array(select quote_ident(attname) from unnest(f.conkey) with ordinality as k (number, place)
             join pg_attribute on attrelid = f.conrelid and attnum = k.number order by k.place),
       array(select quote_ident(attname) from unnest(f.confkey) with ordinality as k (number, place)
             join pg_attribute on attrelid = f.confrelid and attnum = k.number order by k.place)
from pg_constraint f where f.conrelid = %s::regclass and f.contype = 'f' order by f.conname
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Names are quoted. ``builtin``: its type is of the schema pg_catalog, and no domain or enum."""

    name: str
    type: str
    builtin: bool
    generated: bool
    not_null: bool
    default: str | None

    @property
    def stored(self) -> str:
        """The expression that an archive stores: text for other types, which may be dropped."""
        return self.name if self.builtin else f"{self.name}::text"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of a table. ``table``: the referenced one."""

    table: str
    to_itself: bool
    columns: tuple[str, ...]
    referenced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableDescription:
    """The columns, unique keys and foreign keys of a table. The primary key is the first of the unique keys.

    ``has_children``: other tables inherit from it, and it has no partitions; then its keys do not identify their rows.
    """

    columns: dict[str, Column]
    unique_keys: tuple[tuple[str, ...], ...]
    foreign_keys: tuple[ForeignKey, ...]
    has_children: bool = False

    def key_without(self, lost: frozenset[str]) -> tuple[str, ...]:
        """Return the first unique key whose columns are never null and not among the lost ones; () if there is none."""
        for key in () if self.has_children else self.unique_keys:
            if lost.isdisjoint(key) and all(self.columns[name].not_null for name in key):
                return key
        return ()

    @property
    def stored(self) -> list[Column]:
        """The columns that store values of their own."""
        return [column for column in self.columns.values() if not column.generated]


def describe_table(connection: psycopg.Connection[Any], table: str) -> TableDescription | None:
    """Return what the catalog says about a table, or None if it does not exist. ``table``: its quoted name.

    Call it with an empty search_path, so that the names of types and tables are qualified. Raises psycopg's errors.
    """
    if (found := connection.execute(HAS_CHILDREN, [table]).fetchone()) is None:
        return None
    columns = {row[0]: Column(*row) for row in connection.execute(COLUMNS, [table])}
    keys = tuple(tuple(row[0]) for row in connection.execute(UNIQUE_KEYS, [table]))
    foreign = [
        ForeignKey(parent, itself, tuple(names), tuple(referenced))
        for parent, itself, names, referenced in connection.execute(FOREIGN_KEYS, [table])
    ]
    return TableDescription(columns, keys, tuple(foreign), found[0])
