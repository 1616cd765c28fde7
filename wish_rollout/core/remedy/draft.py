"""What the writers of statements share: both schemas, the roles, and where the gaps are noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.sql_syntax import Properties, Props
from wish_rollout.core.remedy.statements import Gap
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.role_names import Roles
    from wish_rollout.core.schema.change import ValuePair
    from wish_rollout.core.schema.snapshot import Key

Pairs = dict[str, "ValuePair"]
"""Property → (as it is, as it has to be). Who writes the statement for one takes it out."""


@dataclass
class Draft:
    """One remedy in the making. ``live``: as it is, columns that are only renamed under their new names."""

    live: Mapping[Key, Properties]
    target: Mapping[Key, Properties]
    roles: Roles
    major: int
    gaps: list[Gap] = field(default_factory=list)

    def gap(self, kind: str, name: str, why: str) -> None:
        """Note what is not covered, once."""
        gap = Gap(kind, name, why)
        if gap not in self.gaps:
            self.gaps.append(gap)

    def columns(self, objects: Mapping[Key, Properties], table: str) -> list[str]:
        """Give a table's columns in their order, by their whole names."""
        return (self._wanted if objects is self.target else self._there).get(table, [])

    @cached_property
    def _there(self) -> dict[str, list[str]]:
        return _by_table(self.live)

    @cached_property
    def _wanted(self) -> dict[str, list[str]]:
        return _by_table(self.target)


def _by_table(objects: Mapping[Key, Properties]) -> dict[str, list[str]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for (kind, name), properties in objects.items():
        if kind == "column":
            found.setdefault(split_last(name)[0], []).append((properties["position"], name))
    return {table: [name for _, name in sorted(names)] for table, names in found.items()}


Create = Callable[[Draft, str, Props], list[str]]
"""(draft, name, properties) → statements; takes out of the properties what it has written."""
Alter = Callable[[Draft, str, Pairs], list[str]]
"""(draft, name, pairs) → statements; takes out of the pairs what it has written."""


@dataclass(frozen=True)
class Writer:
    """How one kind is made and altered.

    ``alters``: properties that a statement can change; with another one changed, the object is made anew, if
    ``rebuilds``. ``early``: an extra one is dropped at first, since others stand under it, and not at last.
    """

    rank: int
    create: Create
    alter: Alter | None = None
    alters: frozenset[str] = frozenset()
    rebuilds: bool = True
    early: bool = False
    loses_data: bool = False
