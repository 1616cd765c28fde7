"""A rollback archives the rows that it would destroy, and `restore` brings them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fix_project import Workspace

ROWS = """
insert into wishlist_items (user_id, title, store, currency, tags)
select 'u' || n, 'it''s ' || n, (enum_range(null::wishlist_store))[1 + n % 5], 'EUR', jsonb_build_array(n)
from generate_series(1, {}) as n
"""
ALL = "select md5(string_agg(w::text, '|' order by id)), count(*) from wishlist_items as w"
TYPES = "select typname::text from pg_type where typtype = 'e' and typnamespace = 'public'::regnamespace order by 1"


def test_rows_and_enums_of_a_dropped_table_come_back(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    workspace.sql("local", ROWS.format(1000))
    before = workspace.sql("local", ALL)
    result = workspace.cli("rollback", "local")
    assert result.code == 0, result
    assert workspace.sql("local", "select to_regclass('wishlist_items')") == [(None,)]
    assert workspace.sql("local", TYPES) == []
    assert workspace.sql("local", "select count(*) from wish_rollout_archive.a1_1") == [(1000,)]
    print(workspace.sql("local", "select * from wish_rollout_archive.archives"))
    print(workspace.sql("local", "select detail from wish_rollout.ledger"))
