"""Requirements of a new schema for existing rows: statements, violating rows, and valid rows."""

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
        "2 rows in prod have store = 'Amazon', which is not a label of store",
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
        "have colour = 'red', which is not a label of colour",
    ),
    Case(
        "not-null",
        ("ALTER TABLE items ALTER store SET NOT NULL",),
        "insert into items (id) values (2)",
        "insert into items (id, store) values (2, '')",
        "1 row in prod of public.items has no store",
    ),
    Case(
        "new-not-null",
        ("CREATE TABLE other (id int)", "ALTER TABLE cars ADD COLUMN wheels int NOT NULL"),
        "select 1",
        "truncate cars",
        "1 row in prod of public.cars has no wheels",
    ),
    Case(
        "check",
        ("ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0)",),
        "insert into items (id, amount) values (2, 0)",
        "insert into items (id, amount) values (2, null)",
        "violates positive: (amount > 0)",
    ),
    Case(
        "validated-later",
        (
            "ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT positive",
        ),
        "insert into items (id, amount) values (2, -3)",
        "select 1",
        "violates positive",
    ),
    Case(
        "unique",
        ("ALTER TABLE items ADD UNIQUE (store, code)",),
        "insert into items (id, store, code) values (2, 'LEGO', 'ab')",
        "insert into items (id, store) values (2, 'LEGO'), (3, 'LEGO')",
        "2 rows in prod of public.items are duplicates in (store, code)",
    ),
    Case(
        "unique-index",
        ("CREATE UNIQUE INDEX one ON items (lower(store) DESC) WHERE amount > 3",),
        "insert into items (id, store, amount) values (2, 'lego', 4)",
        "insert into items (id, store, amount) values (2, 'lego', 3)",
        "2 rows in prod of public.items are duplicates in (lower(store))",
    ),
    Case(
        "foreign-key",
        ("ALTER TABLE items ADD CONSTRAINT of FOREIGN KEY (shop) REFERENCES shops (id)",),
        "insert into items (id, shop) values (2, 9)",
        "insert into items (id, shop) values (2, null)",
        "1 row in prod of public.items references a missing row with (shop), which violates of",
    ),
    Case(
        "foreign-key-to-a-new-table",
        (
            "CREATE TABLE firms (id int PRIMARY KEY)",
            "ALTER TABLE items ADD CONSTRAINT of FOREIGN KEY (amount) REFERENCES firms (id)",
        ),
        "select 1",
        "update items set amount = null",
        "references a missing row with (amount)",
    ),
    Case(
        "shorter",
        ("ALTER TABLE items ALTER code TYPE varchar(3)",),
        "insert into items (id, code) values (2, 'abcd')",
        "insert into items (id, code) values (2, 'abc  ')",
        "has code = 'abcd', which is not a valid character varying(3)",
    ),
    Case(
        "smaller",
        ("ALTER TABLE items ALTER amount TYPE smallint",),
        "insert into items (id, amount) values (2, 32768)",
        "insert into items (id, amount) values (2, -32768)",
        "has amount = '32768', which is not a valid smallint",
    ),
    Case(
        "less-precise",
        ("ALTER TABLE items ALTER price TYPE numeric(4,1)",),
        "insert into items (id, price) values (2, 999.96)",
        "insert into items (id, price) values (2, -999.94)",
        "has price = '999.96', which is not a valid numeric(4,1)",
    ),
    *TYPES,
    *RELATIONS,
)
