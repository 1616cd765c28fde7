"""A case of a hazard, and the tables that all cases start from."""

from __future__ import annotations

from dataclasses import dataclass

TABLES = """
create table shops (id int primary key);
create table items (id int primary key, name text, code varchar(10), price numeric(8,2), shop_id int, due timestamp);
create table tags (item int, tag text);
create index items_name on items (name);
create index tags_tag on tags (tag);
create schema app;
create type mood as enum ('sad', 'glad');
create domain percent as int;
create table app."Odd; one" (id int, "Mixed" text, mood mood, part percent);
create table parted (id int not null, k int) partition by range (id);
create table part1 partition of parted for values from (0) to (100);
create table loose (id int not null, k int);
create table proven (id int not null check (id >= 200 and id < 300), k int);
create materialized view sums as select id as number from shops;
create unique index on sums (number);
create view codes as select id from shops;
create sequence numbers;
create function add_one(int) returns int language sql as 'select $1 + 1';
create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
create function accept() returns trigger language plpgsql as 'begin return new; end';
grant select on tags to public;
"""
ROWS = """
insert into shops select generate_series(1, 20);
insert into items select i, 'n' || i, 'c' || i, i, i, now() from generate_series(1, 20) as i;
insert into tags select i, 't' from generate_series(1, 20) as i;
insert into app."Odd; one" select i, 'x', 'sad', i from generate_series(1, 20) as i;
insert into parted select i, i from generate_series(1, 20) as i;
insert into loose select i, i from generate_series(101, 120) as i;
insert into proven select i, i from generate_series(201, 220) as i;
refresh materialized view sums;
select setval('numbers', 100);
set enable_seqscan = off;
select * from items where name = 'n1';
"""


@dataclass(frozen=True)
class Case:
    """``lock``: the strongest lock of the unsafe statements on the table, as in pg_locks. ``rows``: of the hazard's table.

    ``measured_kind``: the kind that a measurement finds, if another one than the rules.
    """

    kind: str
    table: str
    unsafe: tuple[str, ...]
    safe: tuple[str, ...]
    lock: str = "AccessExclusiveLock"
    rewrites: bool = False
    rows: int = 20
    measured_kind: str = ""

    def __str__(self) -> str:
        return f"{self.kind}-{self.unsafe[0].split('(')[0].replace(' ', '_')[:50]}"
