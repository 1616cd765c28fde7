"""The objects of one schema by their names, parts and parents."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.parts import whole_name
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import PART

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

ROUTINES = frozenset({"function", "procedure", "aggregate"})
RELATIONS = frozenset({"table", "view", "materialized view", "foreign table"})
WHOLES = RELATIONS | {"domain"}
"""Kinds that have parts."""


class SchemaIndex:
    """The objects of one schema, found by what other objects say of them."""

    def __init__(self, objects: Mapping[Key, Properties]) -> None:
        self.objects = objects

    @cached_property
    def parts(self) -> Mapping[str, list[Key]]:
        """The parts of each table, view and domain, by its name: columns, constraints, indexes and so on."""
        found: dict[str, list[Key]] = {}
        for key, properties in self.objects.items():
            if whole := whole_name(key, properties):
                found.setdefault(whole, []).append(key)
        return found

    @cached_property
    def children(self) -> Mapping[str, list[str]]:
        """The tables that inherit from a table or are its partitions."""
        found: dict[str, list[str]] = {}
        for (kind, name), properties in self.objects.items():
            if kind in {"table", "foreign table"}:
                for parent in parents_of(properties):
                    found.setdefault(parent, []).append(name)
        return found

    @cached_property
    def by_name(self) -> Mapping[str, list[Key]]:
        """Objects by the name that texts use; a routine's name is without its arguments."""
        found: dict[str, list[Key]] = {}
        for (kind, name), properties in self.objects.items():
            if kind != "default":
                found.setdefault(plain_name(kind, name), []).append((kind, name))
            if kind == "range type" and "multirange" in properties:
                found.setdefault(properties["multirange"], []).append((kind, name))
        return found

    @cached_property
    def extensions(self) -> Mapping[str, list[Key]]:
        """The extensions of each schema: what they own is in no snapshot."""
        found: dict[str, list[Key]] = {}
        for key, properties in self.objects.items():
            if key[0] == "extension":
                found.setdefault(properties["schema"], []).append(key)
        return found

    @cached_property
    def table_columns(self) -> Mapping[str, set[str]]:
        """The names of the columns of each table."""
        found: dict[str, set[str]] = {}
        for kind, name in self.objects:
            if kind == "column":
                table, own = split_last(name)
                found.setdefault(table, set()).add(own)
        return found

    @cached_property
    def made_casts(self) -> list[Key]:
        """The casts that CREATE CAST made."""
        return [key for key in self.objects if key[0] == "cast"]

    @cached_property
    def primary_keys(self) -> Mapping[str, list[Key]]:
        """The primary key of each table."""
        found: dict[str, list[Key]] = {}
        for key, properties in self.objects.items():
            if key[0] == "constraint" and properties["type"] == "primary key":
                found.setdefault(split_last(key[1])[0], []).append(key)
        return found


def relation(objects: Mapping[Key, Properties], name: str) -> Properties:
    """Return the properties of a table or foreign table; {} if it does not exist."""
    return objects.get(("table", name)) or objects.get(("foreign table", name)) or {}


def parents_of(table: Properties) -> list[str]:
    """Return the tables that a table inherits from, or is a partition of."""
    if "partition of" in table:
        return [table["partition of"]]
    return list(table.get("inherits", ()))


def ancestors(objects: Mapping[Key, Properties], table: str) -> set[str]:
    """Return the tables of which a table is a partition or a child, at all levels."""
    found: set[str] = set()
    waiting = [table]
    while waiting:
        more = set(parents_of(relation(objects, waiting.pop()))) - found
        found |= more
        waiting += more
    return found


def plain_name(kind: str, name: str) -> str:
    """Return a name as expressions write it: a routine's or operator's without its argument types."""
    if kind in ROUTINES:
        match = re.match(rf"{PART}(?:\.{PART})*", name)
        return match[0] if match else name
    if kind == "operator":
        return name[: name.rindex("(")]
    if kind in {"operator class", "operator family"}:
        return name.rsplit(" USING ", 1)[0]
    return name
