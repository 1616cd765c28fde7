"""What a schema can demand of old rows: statements, rows that break it, and rows that do not."""

from __future__ import annotations

from dataclasses import dataclass

TABLES = """
create table shops (id int primary key);
create table items (id int primary key, store text, code varchar(10), amount bigint, price numeric, shop int);
insert into shops values (1);
insert into items values (1, 'LEGO', 'ab', 5, 1.25, 1);
create type colour as enum ('red', 'green');
create table cars (id int, colour colour);
insert into cars values (1, 'red');
"""
STORE = "CREATE TYPE store AS ENUM ('LEGO', 'O''Neill')"


@dataclass(frozen=True)
class Case:
    """``bad``: the row that breaks the demand. ``good``: one that does not. ``says``: part of what is told."""

    name: str
    statements: tuple[str, ...]
    bad: str
    good: str
    says: str

    def __str__(self) -> str:
        return self.name


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
        "1 row in prod of public.items hold no store",
    ),
    Case(
        "new-not-null",
        ("CREATE TABLE other (id int)", "ALTER TABLE cars ADD COLUMN wheels int NOT NULL"),
        "select 1",
        "truncate cars",
        "1 row in prod of public.cars hold no wheels",
    ),
    Case(
        "check",
        ("ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0)",),
        "insert into items (id, amount) values (2, 0)",
        "insert into items (id, amount) values (2, null)",
        "break positive: (amount > 0)",
    ),
    Case(
        "validated-later",
        (
            "ALTER TABLE items ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID",
            "ALTER TABLE items VALIDATE CONSTRAINT positive",
        ),
        "insert into items (id, amount) values (2, -3)",
        "select 1",
        "break positive",
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
        "1 row in prod of public.items refer with (shop) to what is not there, as of demands",
    ),
    Case(
        "foreign-key-to-a-new-table",
        (
            "CREATE TABLE firms (id int PRIMARY KEY)",
            "ALTER TABLE items ADD CONSTRAINT of FOREIGN KEY (amount) REFERENCES firms (id)",
        ),
        "select 1",
        "update items set amount = null",
        "refer with (amount)",
    ),
    Case(
        "shorter",
        ("ALTER TABLE items ALTER code TYPE varchar(3)",),
        "insert into items (id, code) values (2, 'abcd')",
        "insert into items (id, code) values (2, 'abc')",
        "hold code = 'abcd', which does not fit character varying(3)",
    ),
    Case(
        "smaller",
        ("ALTER TABLE items ALTER amount TYPE smallint",),
        "insert into items (id, amount) values (2, 32768)",
        "insert into items (id, amount) values (2, -32768)",
        "hold amount = '32768', which does not fit smallint",
    ),
    Case(
        "less-precise",
        ("ALTER TABLE items ALTER price TYPE numeric(4,1)",),
        "insert into items (id, price) values (2, 999.96)",
        "insert into items (id, price) values (2, -999.94)",
        "hold price = '999.96', which does not fit numeric(4,1)",
    ),
    Case(
        "other-type",
        ("ALTER TABLE items ALTER code TYPE date USING code::date",),
        "update items set code = '2026-02-30'",
        "update items set code = '2026-02-28'",
        "",
    ),
)
