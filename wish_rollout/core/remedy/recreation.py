"""What has to be dropped and made anew, since no statement alters it, or since it stands on something that is.

Only what holds no data is made anew: views, constraints, indexes, triggers, policies, rules, routines, and
types that nothing uses.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.mentions import Mentions, plain_name
from wish_rollout.core.remedy.writers import columns, constraints, enums, views
from wish_rollout.core.remedy.writers.by_kind import WRITERS
from wish_rollout.core.schema.names import parent_object, split_last
from wish_rollout.core.schema.names_in_text import contains_identifier, find_qualified_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

_QUERIES = frozenset({"view", "materialized view", "function", "procedure", "rule"})
_OF_TABLE = frozenset({"trigger", "policy"})
_ON_COLUMN = frozenset({"constraint", "index", "statistics", *_OF_TABLE})
_KEYS = ("primary key", "unique")
_ROUTINES = frozenset({"function", "procedure"})
_STANDING = frozenset(
    {"domain", "composite type", "range type", "aggregate", "operator", "cast", "base type"}
)


class Rebuilding:
    """Finds the set for one draft. ``changed``: what differs; ``removed``: what is to go."""

    def __init__(self, draft: Draft, changed: Mapping[Key, Pairs], removed: Iterable[Key]) -> None:
        self.draft = draft
        self.changed = changed
        self.removed = set(removed)
        self.rebuilt: set[Key] = set()

    @cached_property
    def mentions(self) -> Mentions:
        """Who speaks of whom in the schema as it is."""
        return Mentions(self.draft.live)

    def find(self) -> set[Key]:
        """Give all that is made anew; those without a place in the target are only dropped early."""
        for key, pairs in self.changed.items():
            if self._needs_it(key, pairs):
                self._add(key)
            elif key[0] == "column":
                self._column(key, pairs)
            elif key[0] == "enum" and enums.made_anew(self.draft, key[1], pairs):
                self._enum(key)
        for key in self.removed:
            if (writer := WRITERS.get(key[0])) and writer.early:
                self._dependents(key)
        return self.rebuilt

    def _needs_it(self, key: Key, pairs: Pairs) -> bool:
        kind, name = key
        writer = WRITERS.get(kind)
        if writer is None or not writer.rebuilds:
            return False
        if kind == "constraint":
            return constraints.made_anew(self.draft, name, pairs)
        if kind == "view" and "definition" in pairs and not views.fits(self.draft, name):
            return True
        return bool(set(pairs) - writer.alters)

    def _add(self, key: Key) -> None:
        if key in self.rebuilt:
            return
        self.rebuilt.add(key)
        self._dependents(key)

    def _dependents(self, key: Key) -> None:
        """Add what stands on something that is dropped."""
        kind, name = key
        live = self.draft.live
        for other in self.mentions.dependents.get(key, ()):
            if self._in_both(other) and self._stands_on(other, key):
                self._add(other)
            elif other[0] in _STANDING and other not in self.removed and self._stands_on(other, key):
                self.draft.gap(
                    kind, name, f"it would have to be made anew, and {' '.join(other)} stands on it"
                )
        if kind in {"constraint", "index"}:
            self._foreign_keys(parent_object(kind, name, live[key]) or "", live[key])
        if kind in {*_ROUTINES, "domain", "range type"}:
            self._used_by_columns(key)

    def _in_both(self, key: Key) -> bool:
        writer = WRITERS.get(key[0])
        return key in self.draft.target and (key[0] in _ROUTINES or bool(writer and writer.early))

    def _stands_on(self, other: Key, key: Key) -> bool:
        """Whether it is more than a name in a routine's free text."""
        properties = self.draft.live[other]
        if parent_object(*other, properties) == key[1]:
            return True
        return plain_name(*key) in find_qualified_names(properties, "body") or plain_name(*key) in other[1]

    def _used_by_columns(self, key: Key) -> None:
        name = plain_name(*key)
        for (kind, column), properties in self.draft.live.items():
            if (
                kind == "column"
                and name in find_qualified_names(properties)
                and ("column", column) in self.draft.target
            ):
                whole = split_last(column)[0]
                if ("table", whole) in self.draft.live:
                    self.draft.gap(*key, f"it would have to be made anew, and column {column} stands on it")
                    return

    def _foreign_keys(self, table: str, properties: Properties) -> None:
        """Add the foreign keys that stand on a key."""
        names = properties.get("columns") or properties.get("keys") or []
        of_constraint = properties.get("type") in _KEYS
        if not of_constraint and (not properties.get("unique") or (table, frozenset(names)) in self._keys):
            return
        for other in self._foreign.get(table, ()):
            if set(self.draft.live[other]["referenced columns"]) == set(names):
                self._add(other)

    @cached_property
    def _keys(self) -> set[tuple[str, frozenset[str]]]:
        """The tables and columns of all primary keys and unique constraints."""
        return {
            (split_last(name)[0], frozenset(properties["columns"]))
            for (kind, name), properties in self.draft.live.items()
            if kind == "constraint" and properties["type"] in _KEYS
        }

    @cached_property
    def _foreign(self) -> dict[str, list[Key]]:
        """The foreign keys to each table."""
        found: dict[str, list[Key]] = {}
        for key, properties in self.draft.live.items():
            if properties.get("type") == "foreign key":
                found.setdefault(properties["references"], []).append(key)
        return found

    def _column(self, key: Key, pairs: Pairs) -> None:
        """Add what stands on a column whose type changes, or that is dropped and added."""
        anew = columns.made_anew(self.draft, pairs, self.draft.live[key])
        if anew or "type" in pairs or "collation" in pairs:
            self._standing_on(key[1], _ON_COLUMN if anew else _OF_TABLE)

    def _standing_on(self, column: str, kinds: frozenset[str]) -> None:
        table, own = split_last(column)
        for of in ("table", "foreign table"):
            for other in self.mentions.dependents.get((of, table), ()):
                properties = self.draft.live[other]
                speaks = other[0] in _QUERIES or (
                    other[0] in kinds
                    and (parent_object(*other, properties) == table or other[0] == "statistics")
                    and contains_identifier(properties, own)
                )
                if speaks and self._in_both(other) and self._stands_on(other, (of, table)):
                    self._add(other)

    def _enum(self, key: Key) -> None:
        """Add what stands on an enum whose place another takes."""
        name = key[1]
        for obstacle in enums.obstacles(self.draft, name):
            self.draft.gap(*key, f"its labels need the type made anew, and {obstacle} stands on it")
        for other in self.mentions.dependents.get(key, ()):
            if self._in_both(other) and self._stands_on(other, key):
                self._add(other)
        for column in enums.users(self.draft, name):
            self._standing_on(column, _OF_TABLE)
