"""What a schema can demand of old rows: statements, rows that break it, and rows that do not."""

from __future__ import annotations

from tests.cases.probe_case import TABLES, Case
from tests.cases.probe_relations import RELATIONS
from tests.cases.probe_types import TYPES

__all__ = ["CASES", "TABLES", "Case"]
STORE = "CREATE TYPE store AS ENUM ('LEGO', 'O''Neill')"

CASES = (
    Case(
        "labels",
        (STORE, "ALTER TABLE items ALTER store TYPE store USING store::store"),
        "insert into items (id, store) values (2, 'Amazon'), (3, 'Amazon')",
        "insert into items (id, store) values (2, 'O''Neill'), (3, null)",
        "2 rows in prod hold store = 'Amazon', which is no label of store",
    ),
    Case(
        "label-removed",
        (
            "ALTER TYPE colour RENAME TO old",
            "CREATE TYPE colour AS ENUM ('green', 'blue', 'white')",
            "ALTER TABLE cars ALTER colour TYPE colour USING 'green'::colour",
            "DROP TYPE old",
        ),
        "insert into cars values (2, 'red')",
        "update cars set colour = 'green'",
        "hold colour = 'red', which is no label of colour",
    ),
    Case(
        "not-null",
        ("ALTER TABLE items ALTER store SET NOT NULL",),
        "insert into items (id) values (2)",
        "insert into items (id, store) values (2, '')",
        "1 row in prod of public.items holds no store",
    ),
    Case(
        "new-not-null",
        ("CREATE TABLE other (id int)", "ALTER TABLE cars ADD COLUMN wheels int NOT NULL"),
        "select 1",
        "truncate cars",
        "1 row in prod of public.cars holds no wheels",
    ),
    Case(
        "check",
        ("ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0)",),
        "insert into items (id, amount) values (2, 0)",
        "insert into items (id, amount) values (2, null)",
        "breaks positive: (amount > 0)",
    ),
    Case(
        "validated-later",
        (
            "ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT positive",
        ),
        "insert into items (id, amount) values (2, -3)",
        "select 1",
        "breaks positive",
    ),
    Case(
        "unique",
        ("ALTER TABLE items ADD UNIQUE (store, code)",),
        "insert into items (id, store, code) values (2, 'LEGO', 'ab')",
        "insert into items (id, store) values (2, 'LEGO'), (3, 'LEGO')",
        "2 rows in prod of public.items are not alone with their (store, code)",
    ),
    Case(
        "unique-index",
        ("CREATE UNIQUE INDEX one ON items (lower(store) DESC) WHERE amount > 3",),
        "insert into items (id, store, amount) values (2, 'lego', 4)",
        "insert into items (id, store, amount) values (2, 'lego', 3)",
        "2 rows in prod of public.items are not alone with their (lower(store))",
    ),
    Case(
        "foreign-key",
        ("ALTER TABLE items ADD CONSTRAINT of FOREIGN KEY (shop) REFERENCES shops (id)",),
        "insert into items (id, shop) values (2, 9)",
        "insert into items (id, shop) values (2, null)",
        "1 row in prod of public.items refers with (shop) to what is not there, as of demands",
    ),
    Case(
        "foreign-key-to-a-new-table",
        (
            "CREATE TABLE firms (id int PRIMARY KEY)",
            "ALTER TABLE items ADD CONSTRAINT of FOREIGN KEY (amount) REFERENCES firms (id)",
        ),
        "select 1",
        "update items set amount = null",
        "refers with (amount)",
    ),
    Case(
        "shorter",
        ("ALTER TABLE items ALTER code TYPE varchar(3)",),
        "insert into items (id, code) values (2, 'abcd')",
        "insert into items (id, code) values (2, 'abc  ')",
        "holds code = 'abcd', which does not fit character varying(3)",
    ),
    Case(
        "smaller",
        ("ALTER TABLE items ALTER amount TYPE smallint",),
        "insert into items (id, amount) values (2, 32768)",
        "insert into items (id, amount) values (2, -32768)",
        "holds amount = '32768', which does not fit smallint",
    ),
    Case(
        "less-precise",
        ("ALTER TABLE items ALTER price TYPE numeric(4,1)",),
        "insert into items (id, price) values (2, 999.96)",
        "insert into items (id, price) values (2, -999.94)",
        "holds price = '999.96', which does not fit numeric(4,1)",
    ),
    *TYPES,
    *RELATIONS,
)
