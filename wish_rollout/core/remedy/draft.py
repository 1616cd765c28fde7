"""What the statement writers share: both schemas, the roles, and the list of what is not covered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.remedy.row_types import row_type_users
from wish_rollout.core.remedy.sql_syntax import Properties, Props
from wish_rollout.core.remedy.statements import Gap
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.change import ValuePair
    from wish_rollout.core.schema.snapshot import Key

Pairs = dict[str, "ValuePair"]
"""Property → (live value, target value). The writer of a statement removes the properties that it covers."""


@dataclass
class Draft:
    """One remedy that is being written. In ``live``, columns that are only renamed have their new names.

    ``inlined``: defaults that are written with their new column, table or domain. ``column_privileges``: those of
    columns, which are granted after those of their tables.
    """

    live: Mapping[Key, Properties]
    target: Mapping[Key, Properties]
    roles: Roles
    major: int
    gaps: list[Gap] = field(default_factory=list)
    inlined: set[Key] = field(default_factory=set)
    column_privileges: dict[str, ValuePair] = field(default_factory=dict)

    def gap(self, kind: str, name: str, why: str) -> None:
        """Record once that a difference is not covered."""
        gap = Gap(kind, name, why)
        if gap not in self.gaps:
            self.gaps.append(gap)

    def columns(self, objects: Mapping[Key, Properties], table: str) -> list[str]:
        """Return a table's columns in their order, by their full names."""
        return (self._target_columns if objects is self.target else self._live_columns).get(table, [])

    def default(self, name: str) -> str | None:
        """Return a column's or domain's default in the target schema."""
        return self.target.get(("default", name), {}).get("expression")

    def has_children(self, table: str) -> bool:
        """Return whether a table has children or partitions in either schema."""
        return table in self._parents

    @cached_property
    def row_type_users(self) -> dict[str, set[Key]]:
        """The live columns in which values of a type are stored, by the type: of tables and materialized views."""
        return row_type_users(self.live)

    @cached_property
    def live_children(self) -> Mapping[str, list[str]]:
        """The live tables that inherit from a table or are its partitions."""
        found: dict[str, list[str]] = {}
        for (kind, name), properties in self.live.items():
            for parent in parents_of(properties) if kind in {"table", "foreign table"} else ():
                found.setdefault(parent, []).append(name)
        return found

    @cached_property
    def _parents(self) -> set[str]:
        return {
            parent
            for objects in (self.live, self.target)
            for (kind, _), properties in objects.items()
            if kind in {"table", "foreign table"}
            for parent in parents_of(properties)
        }

    @cached_property
    def _live_columns(self) -> dict[str, list[str]]:
        return _columns_by_table(self.live)

    @cached_property
    def _target_columns(self) -> dict[str, list[str]]:
        return _columns_by_table(self.target)


def _columns_by_table(objects: Mapping[Key, Properties]) -> dict[str, list[str]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for (kind, name), properties in objects.items():
        if kind == "column":
            found.setdefault(split_last(name)[0], []).append((properties["position"], name))
    return {table: [name for _, name in sorted(names)] for table, names in found.items()}


Create = Callable[[Draft, str, Props], list[str]]
"""(draft, name, properties) → statements; removes the properties that it has written."""
Alter = Callable[[Draft, str, Pairs], list[str]]
"""(draft, name, pairs) → statements; removes the pairs that it has written."""


@dataclass(frozen=True)
class Writer:
    """How one kind of object is created and altered.

    ``alters``: the properties that a statement can change. ``rebuilds``: an object is dropped and created again
    if another one changes; ``is_rebuilt`` decides it where that is not enough. ``early``: drops come before
    anything is created. ``stops``: whether a dependent object prevents a change while it exists. ``reason``: why
    an object cannot be created; empty where it can.
    """

    rank: int
    create: Create
    alter: Alter | None = None
    alters: frozenset[str] = frozenset()
    rebuilds: bool = True
    early: bool = False
    is_rebuilt: Callable[[Draft, str, Pairs], bool] | None = None
    stops: Callable[[Draft, str, Pairs, Key], bool] | None = None
    reason: Callable[[Draft, str], str] | None = None
