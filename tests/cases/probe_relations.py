"""Row probes for constraints between rows, and for tables and columns that the release renames or adds."""

from __future__ import annotations

from tests.cases.probe_case import Case

RELATIONS = (
    Case(
        "exclusion",
        ("ALTER TABLE parts ADD CONSTRAINT apart EXCLUDE USING gist (span WITH &&) WHERE (part > 10)",),
        "insert into parts values (2, 11, 1, null, '[2,9)')",
        "insert into parts values (2, 10, 1, null, '[2,9)'), (3, 11, 1, null, '[3,9)'), (4, 11, 1, null, null)",
        "2 rows in prod of public.parts conflict in (span), which violates apart",
    ),
    Case(
        "unique-nulls-not-distinct",
        ("CREATE UNIQUE INDEX one ON items (store, code) NULLS NOT DISTINCT",),
        "insert into items (id, store) values (2, 'LEGO'), (3, 'LEGO')",
        "insert into items (id, store) values (2, 'LEGO')",
        "2 rows in prod of public.items are duplicates in (store, code), which violates one",
        since=15,
    ),
    Case(
        "unique-with-order-class-and-collation",
        (
            """CREATE UNIQUE INDEX one ON items
            ((store || ' ') COLLATE "C" text_pattern_ops DESC NULLS LAST, code varchar_pattern_ops)""",
        ),
        "insert into items (id, store, code) values (2, 'LEGO', 'ab')",
        "insert into items (id, store, code) values (2, 'Lego', 'ab')",
        "2 rows in prod of public.items are duplicates in",
    ),
    Case(
        "match-full",
        (
            "ALTER TABLE bonds ADD CONSTRAINT to_pair FOREIGN KEY (a, b) REFERENCES pairs MATCH FULL DEFERRABLE INITIALLY DEFERRED",
        ),
        "insert into bonds values (2, 1, null)",
        "insert into bonds values (2, null, null)",
        "1 row in prod of public.bonds references a missing row with (a, b), which violates to_pair",
    ),
    Case(
        "of-two-columns",
        ("ALTER TABLE bonds ADD CONSTRAINT to_pair FOREIGN KEY (a, b) REFERENCES pairs",),
        "insert into bonds values (2, 1, 2)",
        "insert into bonds values (2, 1, null)",
        "1 row in prod of public.bonds references a missing row with (a, b)",
    ),
    Case(
        "of-itself",
        ("ALTER TABLE parts ADD CONSTRAINT of_boss FOREIGN KEY (boss) REFERENCES parts (id)",),
        "insert into parts values (2, 1, 1, '2', null, 3)",
        "insert into parts values (2, 1, 1, '2', null, 3), (3, 1, 1, '3', null, 3)",
        "1 row in prod of public.parts references a missing row with (boss), which violates of_boss",
    ),
    Case(
        "partitioned-check",
        ("ALTER TABLE days ADD CONSTRAINT known CHECK (id > 0)",),
        "insert into days values (0, 11)",
        "insert into days values (2, 11)",
        "1 row in prod of public.days violates known",
    ),
    Case(
        "partitioned-unique",
        ("CREATE UNIQUE INDEX one ON days (day)",),
        "insert into days values (2, 11), (3, 11)",
        "insert into days values (2, 11), (3, 12)",
        "2 rows in prod of public.days are duplicates in (day), which violates one",
    ),
    Case(
        "renamed-table-and-column",
        (
            "ALTER TABLE items RENAME TO wishes",
            "ALTER TABLE wishes RENAME COLUMN store TO shop_name",
            "ALTER TABLE wishes RENAME COLUMN shop TO store",
            "ALTER TABLE wishes ADD CONSTRAINT known CHECK (shop_name <> 'none' OR store > 3)",
        ),
        "insert into items (id, store, shop) values (2, 'none', 1)",
        "insert into items (id, store, shop) values (2, 'none', 4)",
        "1 row in prod of public.wishes violates known: ((shop_name <> 'none'::text) OR (store > 3))",
    ),
    Case(
        "renamed-and-unique",
        (
            "ALTER TABLE items RENAME COLUMN code TO sku",
            "ALTER TABLE items ADD CONSTRAINT one UNIQUE (sku, store)",
        ),
        "insert into items (id, store, code) values (2, 'LEGO', 'ab')",
        "insert into items (id, store, code) values (2, 'LEGO', 'b')",
        "2 rows in prod of public.items are duplicates in (sku, store), which violates one",
    ),
    Case(
        "renamed-and-referred-to",
        (
            "ALTER TABLE shops RENAME TO firms",
            "ALTER TABLE firms RENAME id TO firm",
            "ALTER TABLE items RENAME shop TO firm",
            "ALTER TABLE items ADD CONSTRAINT of FOREIGN KEY (firm) REFERENCES firms (firm)",
        ),
        "insert into items (id, shop) values (2, 2)",
        "insert into items (id, shop) values (2, 1)",
        "1 row in prod of public.items references a missing row with (firm), which violates of",
    ),
    Case(
        "renamed-and-other-type",
        ("ALTER TABLE items RENAME code TO made", "ALTER TABLE items ALTER made TYPE date USING made::date"),
        "update items set code = 'never'",
        "update items set code = '2026-02-28'",
        "1 row in prod has made = 'never', which is not a valid date",
    ),
    Case(
        "added-with-a-default",
        (
            "ALTER TABLE cars ADD COLUMN wheels int DEFAULT 4",
            "ALTER TABLE cars ADD CONSTRAINT moves CHECK (wheels > 4 OR id > 1)",
        ),
        "select 1",
        "update cars set id = 2",
        "1 row in prod of public.cars violates moves",
    ),
)
