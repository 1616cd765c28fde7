"""What the functions of ``wish_rollout.safe`` ask the server: the queries are recognized by their whole text.

They depend on the catalog of a database, so they are not compared with those of the rehearsal one by one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.revisions.statements.backfill_statements import is_query_of_backfill
from wish_rollout.revisions.statements.internal_statements import NAME, VALUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INDEX_LOOKUP = (
    "SELECT i.indisvalid FROM pg_catalog.pg_index i"
    " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relname = :name AND c.relnamespace = coalesce("
    "   to_regnamespace(:schema), (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass(:table)))"
)
CONSTRAINT_LOOKUP = "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)"
LEAF_PARTITIONS = (
    "SELECT n.nspname, c.relname, c.relkind <> 'p' FROM pg_catalog.pg_partition_tree(to_regclass(:table)) t"
    " JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE t.isleaf OR t.level = 0 ORDER BY t.level, n.nspname, c.relname"
)
PARTITIONS = (
    "SELECT n.nspname, c.relname, c.relkind = 'p', (SELECT x.indexrelid::regclass::text FROM pg_catalog.pg_index x"
    " JOIN pg_catalog.pg_inherits h ON h.inhrelid = x.indexrelid"
    " WHERE x.indrelid = c.oid AND h.inhparent = to_regclass(:index))"
    " FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE i.inhparent = to_regclass(:table) ORDER BY n.nspname, c.relname"
)
MISSING_INDEXES = (
    "SELECT c.relname, pg_catalog.pg_get_indexdef(x.indexrelid), k.contype::text"
    " FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid"
    " LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')"
    " WHERE x.indrelid = to_regclass(:parent) AND NOT EXISTS (SELECT FROM pg_catalog.pg_index y"
    " LEFT JOIN pg_catalog.pg_constraint l ON l.conindid = y.indexrelid AND l.contype IN ('p', 'u')"
    " WHERE y.indrelid = to_regclass(:table) AND y.indisvalid AND l.contype IS NOT DISTINCT FROM k.contype"
    " AND regexp_replace(pg_catalog.pg_get_indexdef(y.indexrelid), '^.* USING ', '')"
    " = regexp_replace(pg_catalog.pg_get_indexdef(x.indexrelid), '^.* USING ', '')) ORDER BY c.relname"
)
MISSING_KEYS = (
    "SELECT k.conname, pg_catalog.pg_get_constraintdef(k.oid) FROM pg_catalog.pg_constraint k"
    " WHERE k.conrelid = to_regclass(:parent) AND k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint l"
    " WHERE l.conrelid = to_regclass(:table) AND l.contype = 'f' AND l.convalidated"
    " AND pg_catalog.pg_get_constraintdef(l.oid) = pg_catalog.pg_get_constraintdef(k.oid)) ORDER BY k.conname"
)
IS_ATTACHED = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits"
    " WHERE inhrelid = to_regclass(:table) AND inhparent = to_regclass(:parent))"
)
DEFAULT_PARTITION = (
    "SELECT n.nspname, c.relname FROM pg_catalog.pg_partitioned_table p"
    " JOIN pg_catalog.pg_class c ON c.oid = p.partdefid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE p.partrelid = to_regclass(:parent)"
)
BOUNDS = "SELECT pg_catalog.pg_get_partition_constraintdef(to_regclass('pg_temp.wish_rollout_partition'))"
OF_PARENT = "SELECT to_regclass('pg_temp.wish_rollout_parent')::oid::text"
DROP_PARENT = "DROP TABLE pg_temp.wish_rollout_parent"
COLUMN = (
    "SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.attidentity::text"
    " FROM pg_catalog.pg_attribute a"
    " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " WHERE a.attrelid = to_regclass(:table) AND a.attname = :column AND NOT a.attisdropped"
)
DEPENDENTS = (
    "SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_catalog.pg_depend d"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
    " WHERE a.attrelid = to_regclass(:table) AND a.attname = :column AND d.deptype IN ('n', 'a', 'i')"
    " AND d.classid <> 'pg_catalog.pg_attrdef'::regclass"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype = 'n')"
)
ENUM_COLUMNS = (
    "SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute a"
    " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE a.atttypid = to_regtype(:enum) AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT a.attisdropped"
    " ORDER BY n.nspname, c.relname, a.attnum"
)
ENUM_LABELS = (
    "SELECT enumlabel FROM pg_catalog.pg_enum WHERE enumtypid = to_regtype(:enum) ORDER BY enumsortorder"
)
TYPE_LOOKUP = "SELECT to_regtype(:name)::text"
LOOKUPS = frozenset(
    {INDEX_LOOKUP, CONSTRAINT_LOOKUP, LEAF_PARTITIONS, PARTITIONS, MISSING_INDEXES, MISSING_KEYS, IS_ATTACHED}
    | {DEFAULT_PARTITION, BOUNDS, OF_PARENT, DROP_PARENT, COLUMN, DEPENDENTS, ENUM_COLUMNS, ENUM_LABELS}
    | {TYPE_LOOKUP}
)
PARAMETER = re.compile(r"%\((\w+)\)s(?:::\w+)?")

CREATE_PARENT = (
    "DO $wish_rollout$ BEGIN EXECUTE pg_catalog.format('CREATE TEMPORARY TABLE wish_rollout_parent (LIKE %s)"
    " PARTITION BY %s', {place}::pg_catalog.regclass, pg_catalog.pg_get_partkeydef({place}::pg_catalog.regclass));"
    " END $wish_rollout$"
)
"""A temporary table with the columns and the partition key of a table. ``place``: its name as a literal; the server writes
the name of the table that it finds into the statement, and not the literal.
"""
CREATE_PARTITION = (
    "CREATE TEMPORARY TABLE wish_rollout_partition PARTITION OF pg_temp.wish_rollout_parent {bounds}"
)
ATTACH = re.compile(rf"ALTER TABLE (?P<parent>{NAME}) ATTACH PARTITION {NAME} (?P<bounds>.*)", re.DOTALL)
PARENT_FORM = re.compile(
    re.escape(CREATE_PARENT)
    .replace(re.escape("{place}"), f"(?P<place>{VALUE})", 1)
    .replace(re.escape("{place}"), "(?P=place)")
)


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def is_helper_query(statement: str, text: str, expected: Sequence[str]) -> bool:
    """Return whether a helper asks this.

    ``statement``: as SQLAlchemy hands it over, with places for parameters. ``text``: as it is sent. ``expected``: what
    the revision sent in the rehearsal. What contains a part of the script's own SQL has to belong to one of these.
    """
    if PARAMETER.sub(r":\1", statement) in LOOKUPS:
        return True
    if parent := PARENT_FORM.fullmatch(text):
        return parent["place"] in map(literal, _attached(expected, "parent"))
    if text.startswith(prefix := CREATE_PARTITION.format(bounds="")):
        return text[len(prefix) :] in _attached(expected, "bounds")
    return is_query_of_backfill(text, expected)


def _attached(expected: Iterable[str], part: str) -> set[str]:
    """Return the parents, or the bounds, of the partitions that statements attach."""
    return {found[part] for each in expected if (found := ATTACH.fullmatch(each))}
