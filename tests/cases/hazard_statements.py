"""Hazards of statements that are hard to read, and of those that do not change the catalog."""

from __future__ import annotations

from tests.cases.hazard_case import Case

ODD = 'app."Odd; one"'
NO_LOCK = ""
"""The statement runs outside of the transaction whose locks are read."""

HIDDEN = (
    Case(
        "index-without-concurrently",
        ODD,
        (
            f'SELECT 1; /* CONCURRENTLY /* ; */ */ CREATE /**/ INDEX ON {ODD} (lower("Mixed")) -- CONCURRENTLY\n; SELECT 2',
        ),
        (f"SELECT 'CREATE INDEX', $$; UPDATE {ODD} SET id = 1 $$ -- UPDATE {ODD} SET id = 1",),
        "ShareLock",
    ),
    Case(
        "index-without-concurrently",
        "parted",
        ("CREATE INDEX whole ON parted (k)",),
        (
            "CREATE INDEX whole ON ONLY parted (k)",
            "COMMIT",
            "CREATE INDEX CONCURRENTLY part1_k ON part1 (k)",
            "BEGIN",
            "ALTER INDEX whole ATTACH PARTITION part1_k",
        ),
        "ShareLock",
    ),
    Case(
        "foreign-key-scan",
        "items",
        ("ALTER TABLE items ADD FOREIGN KEY (shop_id) REFERENCES shops",),
        ("ALTER TABLE items ADD FOREIGN KEY (shop_id) REFERENCES shops NOT VALID",),
        "ShareRowExclusiveLock",
    ),
    Case(
        "check-scan",
        "items",
        ("ALTER TABLE items ADD CHECK (price > 0)",),
        ("ALTER TABLE items ADD CHECK (price > 0) NOT VALID",),
    ),
    Case(
        "whole-table-write",
        ODD,
        (
            f"DO $do$ BEGIN IF true THEN UPDATE {ODD} SET id = CASE WHEN true THEN 1 ELSE 2 END; END IF; END $do$",
        ),
        (f"CREATE FUNCTION later() RETURNS void LANGUAGE sql AS $$ UPDATE {ODD} SET id = 1 $$",),
        "RowExclusiveLock",
    ),
    Case(
        "whole-table-write",
        "items",
        ("UPDATE items SET price = (SELECT 1 FROM shops WHERE shops.id = 1)",),
        ("UPDATE items SET price = 1 FROM shops WHERE shops.id = shop_id AND items.id = 1",),
        "RowExclusiveLock",
    ),
    Case(
        "whole-table-write",
        "tags",
        ("WITH gone AS (DELETE FROM tags RETURNING item) SELECT count(*) FROM gone WHERE item > 3",),
        ("WITH few AS (SELECT 1 AS item) DELETE FROM tags USING few WHERE tags.item = few.item",),
        "RowExclusiveLock",
    ),
    Case(
        "whole-table-lock",
        "items",
        ("LOCK TABLE ONLY items IN EXCLUSIVE MODE NOWAIT", "SELECT count(*) FROM items"),
        ("LOCK TABLE items IN SHARE UPDATE EXCLUSIVE MODE",),
        "ExclusiveLock",
    ),
    Case(
        "whole-table-lock",
        "items",
        ("COMMIT", "VACUUM (ANALYZE, FULL) items"),
        ("COMMIT", "VACUUM (ANALYZE) items"),
        NO_LOCK,
        rewrites=True,
    ),
    Case(
        "whole-table-lock",
        "items",
        ("REINDEX INDEX items_pkey",),
        ("COMMIT", "REINDEX INDEX CONCURRENTLY items_pkey"),
        "ShareLock",
    ),
    Case(
        "whole-table-lock",
        "sums",
        ("REFRESH MATERIALIZED VIEW sums",),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY sums",),
        rewrites=True,
    ),
)
