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
create domain percent as numeric;
create domain share as percent;
create table parts (id int, part share, grown percent not null, raw text, span int4range, boss int);
alter table parts add primary key (id);
insert into parts values (1, 50, 50, '1', '[1,3)', null);
create table pairs (a int, b int, primary key (a, b));
insert into pairs values (1, 1);
create table bonds (id int, a int, b int);
insert into bonds values (1, 1, 1);
create table days (id int, day int) partition by range (day);
create table days1 partition of days for values from (0) to (10);
create table days2 partition of days for values from (10) to (20);
insert into days values (1, 1);
"""
STORE = "CREATE TYPE store AS ENUM ('LEGO', 'O''Neill')"


@dataclass(frozen=True)
class Case:
    """``bad``: the row that breaks the demand. ``good``: one that does not. ``says``: part of what is told.

    ``since``: the first version that has it.
    """

    name: str
    statements: tuple[str, ...]
    bad: str
    good: str
    says: str
    since: int = 14

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
    *(
        Case(
            f"text-to-{kind.partition(' ')[0]}",
            (f"ALTER TABLE items ALTER store TYPE {kind} USING store::{kind}",),
            f"update items set store = '{bad}'",
            f"update items set store = '{good}'",
            f"1 row in prod holds store = '{bad}', which does not fit {kind}",
        )
        for kind, bad, good in (
            ("date", "2026-02-30", " 2026-02-28"),
            ("integer", "1.5", " -15 "),
            ("uuid", "a0eebc99", "{a0eebc999c0b4ef8bb6d6bb9bd380a11}"),
            ("jsonb", "{a: 1}", '{"a": 1}'),
            ("timestamp with time zone", "soon", "2026-02-28 12:00+02"),
            ("boolean", "maybe", "off"),
            ("integer[]", "{1,x}", "{1,2}"),
        )
    ),
    Case(
        "text-to-a-new-domain",
        (
            "CREATE DOMAIN size AS int CHECK (value BETWEEN 1 AND 9) NOT NULL",
            "ALTER TABLE parts ALTER raw TYPE size USING raw::size",
        ),
        "insert into parts values (2, 1, 1, '10')",
        "update parts set raw = '9'",
        "1 row in prod of public.parts breaks size_check: ",
    ),
    Case(
        "domain-check",
        ("ALTER DOMAIN percent ADD CONSTRAINT whole CHECK (value <= 100 AND value::text <> 'VALUE')",),
        "insert into parts values (2, 1, 101)",
        "insert into parts values (2, null, 100)",
        "1 row in prod of public.parts breaks whole: ((grown <= (100)::numeric)",
    ),
    Case(
        "domain-check-validated",
        (
            "ALTER DOMAIN share ADD CONSTRAINT whole CHECK (value <= 100) NOT VALID",
            "ALTER DOMAIN share VALIDATE CONSTRAINT whole",
        ),
        "insert into parts values (2, 101, 1)",
        "insert into parts values (2, 100, 101)",
        "1 row in prod of public.parts breaks whole",
    ),
    Case(
        "domain-not-null",
        ("ALTER DOMAIN share SET NOT NULL",),
        "insert into parts values (2, null, 1)",
        "insert into parts values (2, 1, 1)",
        "1 row in prod of public.parts holds no part, which becomes NOT NULL",
    ),
    Case(
        "exclusion",
        ("ALTER TABLE parts ADD CONSTRAINT apart EXCLUDE USING gist (span WITH &&) WHERE (part > 10)",),
        "insert into parts values (2, 11, 1, null, '[2,9)')",
        "insert into parts values (2, 10, 1, null, '[2,9)'), (3, 11, 1, null, '[3,9)'), (4, 11, 1, null, null)",
        "2 rows in prod of public.parts are not apart in (span), as apart demands",
    ),
    Case(
        "unique-nulls-not-distinct",
        ("CREATE UNIQUE INDEX one ON items (store, code) NULLS NOT DISTINCT",),
        "insert into items (id, store) values (2, 'LEGO'), (3, 'LEGO')",
        "insert into items (id, store) values (2, 'LEGO')",
        "2 rows in prod of public.items are not alone with their (store, code), as one demands",
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
        "2 rows in prod of public.items are not alone with their",
    ),
    Case(
        "match-full",
        (
            "ALTER TABLE bonds ADD CONSTRAINT to_pair FOREIGN KEY (a, b) REFERENCES pairs MATCH FULL DEFERRABLE INITIALLY DEFERRED",
        ),
        "insert into bonds values (2, 1, null)",
        "insert into bonds values (2, null, null)",
        "1 row in prod of public.bonds refers with (a, b) to what is not there, as to_pair demands",
    ),
    Case(
        "of-two-columns",
        ("ALTER TABLE bonds ADD CONSTRAINT to_pair FOREIGN KEY (a, b) REFERENCES pairs",),
        "insert into bonds values (2, 1, 2)",
        "insert into bonds values (2, 1, null)",
        "1 row in prod of public.bonds refers with (a, b) to what is not there",
    ),
    Case(
        "of-itself",
        ("ALTER TABLE parts ADD CONSTRAINT of_boss FOREIGN KEY (boss) REFERENCES parts (id)",),
        "insert into parts values (2, 1, 1, '2', null, 3)",
        "insert into parts values (2, 1, 1, '2', null, 3), (3, 1, 1, '3', null, 3)",
        "1 row in prod of public.parts refers with (boss) to what is not there, as of_boss demands",
    ),
    Case(
        "partitioned-check",
        ("ALTER TABLE days ADD CONSTRAINT known CHECK (id > 0)",),
        "insert into days values (0, 11)",
        "insert into days values (2, 11)",
        "1 row in prod of public.days breaks known",
    ),
    Case(
        "partitioned-unique",
        ("CREATE UNIQUE INDEX one ON days (day)",),
        "insert into days values (2, 11), (3, 11)",
        "insert into days values (2, 11), (3, 12)",
        "2 rows in prod of public.days are not alone with their (day), as one demands",
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
        "1 row in prod of public.wishes breaks known: ((shop_name <> 'none'::text) OR (store > 3))",
    ),
    Case(
        "renamed-and-unique",
        (
            "ALTER TABLE items RENAME COLUMN code TO sku",
            "ALTER TABLE items ADD CONSTRAINT one UNIQUE (sku, store)",
        ),
        "insert into items (id, store, code) values (2, 'LEGO', 'ab')",
        "insert into items (id, store, code) values (2, 'LEGO', 'b')",
        "2 rows in prod of public.items are not alone with their (sku, store), as one demands",
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
        "1 row in prod of public.items refers with (firm) to what is not there, as of demands",
    ),
    Case(
        "renamed-and-other-type",
        ("ALTER TABLE items RENAME code TO made", "ALTER TABLE items ALTER made TYPE date USING made::date"),
        "update items set code = 'never'",
        "update items set code = '2026-02-28'",
        "1 row in prod holds made = 'never', which does not fit date",
    ),
    Case(
        "added-with-a-default",
        (
            "ALTER TABLE cars ADD COLUMN wheels int DEFAULT 4",
            "ALTER TABLE cars ADD CONSTRAINT moves CHECK (wheels > 4 OR id > 1)",
        ),
        "select 1",
        "update cars set id = 2",
        "1 row in prod of public.cars breaks moves",
    ),
)
