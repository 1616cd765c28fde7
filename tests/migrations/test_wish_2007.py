"""The table of WISH-2007 after a complete rollout, read from the catalog."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from psycopg import errors

if TYPE_CHECKING:
    from tests.fix_project import Workspace

NOW = "now()"
COLUMNS = [
    ("id", "uuid", "NO", "gen_random_uuid()"),
    ("user_id", "text", "NO", None),
    ("title", "text", "NO", None),
    ("store", "wishlist_store", "NO", None),
    ("set_number", "text", "YES", None),
    ("source_url", "text", "YES", None),
    ("image_url", "text", "YES", None),
    ("price", "text", "YES", None),
    ("currency", "wishlist_currency", "YES", "'USD'::wishlist_currency"),
    ("piece_count", "int4", "YES", None),
    ("release_date", "timestamp", "YES", None),
    ("tags", "jsonb", "YES", "'[]'::jsonb"),
    ("priority", "int4", "YES", "0"),
    ("notes", "text", "YES", None),
    ("sort_order", "int4", "NO", "0"),
    ("created_at", "timestamp", "NO", NOW),
    ("updated_at", "timestamp", "NO", NOW),
    ("created_by", "text", "YES", None),
    ("updated_by", "text", "YES", None),
]
ENUMS = [
    ("wishlist_currency", ["USD", "EUR", "GBP", "CAD", "AUD"]),
    ("wishlist_store", ["LEGO", "Barweer", "Cata", "BrickLink", "Other"]),
]
INDEXES = [
    ("idx_wishlist_user_id", "btree", False, False, ["user_id"]),
    ("idx_wishlist_user_priority", "btree", False, False, ["user_id", "priority"]),
    ("idx_wishlist_user_sort", "btree", False, False, ["user_id", "sort_order"]),
    ("idx_wishlist_user_store", "btree", False, False, ["user_id", "store"]),
    ("idx_wishlist_user_store_priority", "btree", False, False, ["user_id", "store", "priority"]),
    ("wishlist_items_pkey", "btree", True, True, ["id"]),
]
CONSTRAINTS = [
    ("priority_range_check", "c", "CHECK (((priority >= 0) AND (priority <= 5)))"),
    ("wishlist_items_pkey", "p", "PRIMARY KEY (id)"),
]
COLUMNS_QUERY = """
select column_name, udt_name, is_nullable, column_default from information_schema.columns
where table_schema = 'public' and table_name = 'wishlist_items' order by ordinal_position"""
ENUMS_QUERY = """
select typname::text, array_agg(enumlabel::text order by enumsortorder)
from pg_enum join pg_type t on t.oid = enumtypid group by typname order by typname"""
INDEXES_QUERY = """
select i.relname::text, am.amname::text, indisunique, indisprimary,
       array(select attname::text from unnest(indkey) with ordinality k (n, place)
             join pg_attribute on attrelid = indrelid and attnum = n order by place)
from pg_index join pg_class i on i.oid = indexrelid join pg_am am on am.oid = i.relam
where indrelid = 'public.wishlist_items'::regclass and indisvalid and indisready order by i.relname"""
CONSTRAINTS_QUERY = """
select conname::text, contype::text, pg_get_constraintdef(oid) from pg_constraint
where conrelid = 'public.wishlist_items'::regclass and contype <> 'n' and convalidated order by conname"""


def test_every_environment_has_the_approved_table(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local", "staging", "prod")
    for name in workspace.urls:
        assert workspace.sql(name, COLUMNS_QUERY) == COLUMNS
        assert workspace.sql(name, ENUMS_QUERY) == ENUMS
        assert workspace.sql(name, INDEXES_QUERY) == INDEXES
        assert workspace.sql(name, CONSTRAINTS_QUERY) == CONSTRAINTS
        assert workspace.sql(
            name, "select tablename::text from pg_tables where schemaname = 'public' order by 1"
        ) == [
            ("alembic_version",),
            ("wishlist_items",),
        ]
    workspace.assert_plan_is_empty()


REFUSALS = [
    ("priority = 10", errors.CheckViolation),
    ("priority = -1", errors.CheckViolation),
    ("store = 'Amazon'", errors.InvalidTextRepresentation),
    ("currency = 'usd'", errors.InvalidTextRepresentation),
    ("store = null", errors.NotNullViolation),
]


def test_table_rejects_invalid_rows(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    for assignment, refusal in REFUSALS:
        with pytest.raises(refusal):
            workspace.sql("local", f"update wishlist_items set {assignment}")


def record_again(workspace: Workspace) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Record all schemas in an empty meta/; return the files before and after."""
    meta = workspace.root / "migrations" / "meta"
    before = {path.name: path.read_bytes() for path in meta.iterdir()}
    for path in meta.iterdir():
        path.unlink()
    assert workspace.cli("generate", "--record").code == 0
    return before, {path.name: path.read_bytes() for path in meta.iterdir()}


def test_recorded_schemas_are_up_to_date(workspace: Workspace) -> None:
    before, after = record_again(workspace)
    assert sorted(before) == sorted(after)
    assert before == after


@pytest.mark.pg("<18")
def test_other_version_records_the_same_journal_and_statements(each_workspace: Workspace) -> None:
    before, after = record_again(each_workspace)
    assert sorted(before) == sorted(after)
    # snapshots depend on the server version
    deltas = [name for name in before if name.endswith("_delta.json")]
    keys = ("changes", "upgrade", "downgrade")
    for name in deltas:
        recorded, again = json.loads(before[name]), json.loads(after[name])
        assert [recorded[key] for key in keys] == [again[key] for key in keys]
