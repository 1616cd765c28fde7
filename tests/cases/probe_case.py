"""The cases of row probes, and the tables that every case starts with."""

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


@dataclass(frozen=True)
class Case:
    """A release that adds a requirement to existing rows.

    ``bad``: a statement that makes a row violate it. ``good``: one that does not. ``says``: part of the finding.
    ``since``: the first PostgreSQL version with this syntax.
    """

    name: str
    statements: tuple[str, ...]
    bad: str
    good: str
    says: str
    since: int = 14

    def __str__(self) -> str:
        return self.name
