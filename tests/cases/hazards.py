"""Hazards as cases: the same change in an unsafe and in a safe way, on tables with rows."""

from __future__ import annotations

from tests.cases.hazard_application import APPLICATION
from tests.cases.hazard_case import ROWS, TABLES, Case
from tests.cases.hazard_statements import HIDDEN
from tests.cases.hazard_types import TYPES

__all__ = ["CASES", "ROWS", "TABLES", "Case"]

CASES = (
    Case(
        "index-without-concurrently",
        "items",
        ("CREATE INDEX items_code ON items (code)",),
        ("COMMIT", "CREATE INDEX CONCURRENTLY items_code ON items (code)"),
        "ShareLock",
    ),
    Case(
        "index-without-concurrently",
        "items",
        ('do $$ begin create unique index "Odd" on items (code); end $$',),
        ("COMMIT", 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "Odd" ON public.items (code)'),
        "ShareLock",
    ),
    Case(
        "drop-index",
        "items",
        ("DROP INDEX items_name",),
        ("COMMIT", "DROP INDEX CONCURRENTLY IF EXISTS tags_tag"),
    ),
    Case(
        "table-rewrite",
        "items",
        ("ALTER TABLE items ADD COLUMN token uuid DEFAULT gen_random_uuid()",),
        (
            "ALTER TABLE items ADD COLUMN token uuid",
            "ALTER TABLE items ALTER token SET DEFAULT gen_random_uuid()",
        ),
        rewrites=True,
    ),
    Case(
        "table-rewrite",
        "items",
        ("ALTER TABLE items ADD COLUMN no bigserial",),
        ("ALTER TABLE items ADD COLUMN made timestamptz NOT NULL DEFAULT now()",),
        rewrites=True,
    ),
    Case(
        "table-rewrite",
        "items",
        ("ALTER TABLE items ADD COLUMN no int GENERATED ALWAYS AS IDENTITY",),
        ("ALTER TABLE items ADD COLUMN no int DEFAULT 0 NOT NULL",),
        rewrites=True,
    ),
    Case(
        "table-rewrite",
        "items",
        ("ALTER TABLE items ADD COLUMN twice numeric GENERATED ALWAYS AS (price * 2) STORED",),
        ("CREATE VIEW twices AS SELECT id, price * 2 AS twice FROM items",),
        rewrites=True,
    ),
    Case(
        "table-rewrite",
        "items",
        ("ALTER TABLE items SET UNLOGGED",),
        ("ALTER TABLE items SET (fillfactor = 90)",),
        rewrites=True,
    ),
    Case(
        "column-type-change",
        "items",
        ("ALTER TABLE items ALTER COLUMN id TYPE bigint",),
        ("ALTER TABLE items ALTER COLUMN code TYPE varchar(20)",),
        rewrites=True,
    ),
    Case(
        "column-type-change",
        "items",
        ("ALTER TABLE items ALTER COLUMN price TYPE numeric(10,3)",),
        ("ALTER TABLE items ALTER COLUMN price TYPE numeric(10,2)",),
        rewrites=True,
    ),
    Case(
        "column-type-change",
        "items",
        ("ALTER TABLE items ALTER COLUMN due TYPE timestamp(0)",),
        ("ALTER TABLE items ALTER COLUMN code TYPE text",),
        rewrites=True,
    ),
    Case(
        "not-null-scan",
        "items",
        ("ALTER TABLE items ALTER COLUMN name SET NOT NULL",),
        (
            "ALTER TABLE items ADD CONSTRAINT proof CHECK (name IS NOT NULL) NOT VALID",
            "COMMIT",
            "ALTER TABLE items VALIDATE CONSTRAINT proof",
            "BEGIN",
            "ALTER TABLE items ALTER COLUMN name SET NOT NULL",
            "ALTER TABLE items DROP CONSTRAINT proof",
        ),
    ),
    Case(
        "not-null-scan",
        "items",
        (
            "ALTER TABLE items ADD CONSTRAINT proof CHECK (name IS NOT NULL) NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT proof",
            "ALTER TABLE items ALTER COLUMN name SET NOT NULL",
            "ALTER TABLE items DROP CONSTRAINT proof",
        ),
        ("ALTER TABLE items ADD COLUMN kind text NOT NULL DEFAULT 'x'",),
        measured_kind="lock-held",
    ),
    Case(
        "check-scan",
        "items",
        ("ALTER TABLE items ADD CONSTRAINT paid CHECK (price > 0)",),
        (
            "ALTER TABLE items ADD CONSTRAINT paid CHECK (price > 0) NOT VALID",
            "COMMIT",
            "ALTER TABLE items VALIDATE CONSTRAINT paid",
        ),
    ),
    Case(
        "check-scan",
        "items",
        (
            "ALTER TABLE items ADD CONSTRAINT paid CHECK (price > 0) NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT paid",
        ),
        ("ALTER TABLE items ADD CONSTRAINT paid CHECK (price > 0) NOT VALID",),
    ),
    Case(
        "foreign-key-scan",
        "items",
        ("ALTER TABLE items ADD CONSTRAINT shop FOREIGN KEY (shop_id) REFERENCES shops (id)",),
        (
            "ALTER TABLE items ADD CONSTRAINT shop FOREIGN KEY (shop_id) REFERENCES shops (id) NOT VALID",
            "COMMIT",
            "ALTER TABLE items VALIDATE CONSTRAINT shop",
        ),
        "ShareRowExclusiveLock",
    ),
    Case(
        "unique-builds-index",
        "items",
        ("ALTER TABLE items ADD CONSTRAINT one_code UNIQUE (code)",),
        (
            "COMMIT",
            "CREATE UNIQUE INDEX CONCURRENTLY one_code ON items (code)",
            "BEGIN",
            "ALTER TABLE items ADD CONSTRAINT one_code UNIQUE USING INDEX one_code",
        ),
    ),
    Case(
        "exclusion-builds-index",
        "items",
        ("ALTER TABLE items ADD CONSTRAINT apart EXCLUDE USING btree (code WITH =)",),
        ("CREATE TABLE new_items (id int, EXCLUDE USING btree (id WITH =))",),
    ),
    Case("drop-table", "tags", ("DROP TABLE tags",), ("CREATE TABLE other (id int)", "DROP TABLE other")),
    Case(
        "drop-column",
        "items",
        ("ALTER TABLE items DROP COLUMN due",),
        ("ALTER TABLE items ALTER COLUMN due DROP NOT NULL",),
    ),
    Case(
        "rename",
        "tags",
        ("ALTER TABLE tags RENAME TO labels",),
        (
            "ALTER TABLE tags RENAME TO labels",
            "CREATE VIEW tags AS TABLE labels",
            "GRANT SELECT ON tags TO public",
        ),
    ),
    Case(
        "rename",
        "items",
        ('ALTER TABLE "items" RENAME COLUMN name TO title',),
        (
            "ALTER TABLE items RENAME CONSTRAINT items_pkey TO items_key",
            'ALTER INDEX items_name RENAME TO "order"',
        ),
    ),
    Case(
        "whole-table-write",
        "items",
        ("UPDATE items SET price = price + 1 -- where",),
        ("UPDATE items SET price = price + 1 WHERE id = 1",),
        "RowExclusiveLock",
    ),
    Case(
        "truncate",
        "tags",
        ("TRUNCATE TABLE ONLY tags",),
        ("DELETE FROM tags WHERE item = 1",),
        rewrites=True,
    ),
    Case(
        "whole-table-lock",
        "items",
        ("CLUSTER items USING items_pkey",),
        ("ALTER TABLE items SET WITHOUT CLUSTER",),
        rewrites=True,
    ),
    *HIDDEN,
    *TYPES,
    *APPLICATION,
)
