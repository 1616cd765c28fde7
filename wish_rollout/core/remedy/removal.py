"""What goes: early, what stands on something else; late, what others stood on, and all that holds data."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.mentions import Mentions, in_order
from wish_rollout.core.remedy.role_names import UnknownRole
from wish_rollout.core.remedy.sql_syntax import spelled
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.writers import constraints, indexes, table_parts
from wish_rollout.core.remedy.writers.by_kind import LAST, UNTOUCHED, WRITERS
from wish_rollout.core.schema.conflicting_objects import catalog_namespace
from wish_rollout.core.schema.names import parent_object, split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.schema.snapshot import Key

COPIES = {"index": indexes.drop_copy, "constraint": constraints.drop_copy}
"""Partitions have copies of their parents' parts, which do not come and go by themselves."""
_LOSES = frozenset({"user mapping", "subscription"})
_GROUPS = ("table", "view", "materialized view", "foreign table", "domain")


class Dropping:
    """The DROPs of one remedy."""

    def __init__(self, draft: Draft, removed: set[Key], rebuilt: set[Key], added: set[Key]) -> None:
        self.draft = draft
        self.removed = removed - {key for key in removed if key[0] == "default privileges"}
        self.rebuilt = rebuilt
        self.taken = {(catalog_namespace(kind), name) for kind, name in added}
        self.defaults = removed - self.removed

    @cached_property
    def mentions(self) -> Mentions:
        """Who speaks of whom in the schema as it is."""
        return Mentions(self.draft.live)

    def early(self) -> Iterator[Statement]:
        """Give the DROPs that come before anything is made."""
        yield from self._default_privileges()
        keys = [key for key in self.removed | self.rebuilt if self._is_early(key)]
        for key in reversed(in_order(keys, self.mentions.needs, self._rank)):
            if not self._goes_along(key, early=True):
                yield from self._drop(key)

    def late(self) -> Iterator[Statement]:
        """Give the DROPs that come after all else; what loses data, and what waits for that, is marked."""
        keys = [key for key in self.removed if not self._is_early(key) and not self._goes_along(key)]
        losing = {key for key in keys if self._loses(key)}
        ordered = list(reversed(in_order(keys, self.mentions.needs, self._rank)))
        for key in ordered:
            if key not in losing and any(self._is_under(key, other) for other in losing):
                losing.add(key)
        for key in ordered:
            if key not in losing:
                yield from self._drop(key)
        for key in ordered:
            if key in losing:
                yield from self._drop(key, loses_data=True)

    def _is_early(self, key: Key) -> bool:
        writer = WRITERS.get(key[0])
        if key in self.rebuilt or (writer is not None and writer.early):
            return True
        return (catalog_namespace(key[0]), key[1]) in self.taken and not self._loses(key)

    def _loses(self, key: Key) -> bool:
        writer = WRITERS.get(key[0])
        return key[0] in _LOSES or bool(writer and writer.loses_data)

    def _is_under(self, key: Key, other: Key) -> bool:
        """Whether one that is dropped with its data stands on the other."""
        if key in self.mentions.needs(other):
            return True
        return other[0] in _GROUPS and any(
            key in self.mentions.needs(part) for part in self._parts.get(other[1], ())
        )

    @cached_property
    def _parts(self) -> dict[str, list[Key]]:
        found: dict[str, list[Key]] = {}
        for key in self.removed:
            if whole := parent_object(*key, self.draft.live[key]):
                found.setdefault(whole, []).append(key)
        return found

    def _rank(self, key: Key) -> tuple[int, int, str]:
        """Rank what stands on something else higher, so that it goes first."""
        writer = WRITERS.get(key[0])
        properties = self.draft.live[key]
        upon = "generated" in properties or properties.get("type") == "foreign key"
        place = properties.get("position", 0) + 10_000 * upon
        return (writer.rank if writer else LAST, place, key[1])

    def _goes_along(self, key: Key, *, early: bool = False) -> bool:
        """Whether it goes with something else that is dropped."""
        kind, name = key
        properties = self.draft.live[key]
        whole = parent_object(kind, name, properties)
        if whole is not None:
            for of in _GROUPS:
                if (of, whole) in self.rebuilt or (
                    (of, whole) in self.removed and not self._detached(key, early)
                ):
                    return True
        if kind == "cast":
            return self._with_range(key)
        if kind == "column":
            return self._column_goes_along(name, whole or "")
        if kind == "sequence" and "owned by" in properties:
            column = properties["owned by"]
            return ("column", column) in self.removed or ("table", split_last(column)[0]) in self.removed
        return False

    def _detached(self, key: Key, early: bool) -> bool:
        """Whether a part has to go before its whole, since something under it is made anew."""
        return early and key in self.rebuilt

    def _with_range(self, key: Key) -> bool:
        """Whether a cast is the one that each range type makes to its multirange."""
        return any(other[0] == "range type" for other in self.mentions.needs(key))

    def _column_goes_along(self, name: str, table: str) -> bool:
        live = self.draft.live
        if any((of, table) in live for of in ("view", "materialized view")):
            return True
        if not live["column", name].get("inherited"):
            return False
        own = split_last(name)[1]
        whole = live.get(("table", table), {})
        parents = [*whole.get("inherits", ()), *([whole["partition of"]] if "partition of" in whole else [])]
        return any(("column", f"{parent}.{own}") in self.removed for parent in parents)

    def _default_privileges(self) -> Iterator[Statement]:
        from wish_rollout.core.remedy.writers.schemas import default_privileges

        for key in sorted(self.defaults):
            for sql in default_privileges(self.draft, key[1], self.draft.live[key]["privileges"], {}):
                yield Statement(sql, *key)

    def _drop(self, key: Key, *, loses_data: bool = False) -> Iterator[Statement]:
        kind, name = key
        properties = self.draft.live[key]
        if kind in COPIES and {"copy", "copy of"} & properties.keys():
            yield from (Statement(sql, kind, name) for sql in COPIES[kind](self.draft, name))
        elif kind == "column":
            table, own = split_last(name)
            word = "FOREIGN TABLE" if ("foreign table", table) in self.draft.live else "TABLE"
            yield Statement(f"ALTER {word} {table} DROP COLUMN {own}", kind, name, loses_data)
        elif kind == "constraint":
            whole, own = split_last(name)
            word = "DOMAIN" if ("domain", whole) in self.draft.live else "TABLE"
            yield Statement(f"ALTER {word} {whole} DROP CONSTRAINT {own}", kind, name, loses_data)
            yield from self._still_not_null(whole, properties)
        elif kind == "trigger" and table_parts.from_parent(self.draft.live, name):
            for sql in table_parts.drop_copy(self.draft.live, name):
                yield Statement(sql, kind, name)
        elif kind == "user mapping":
            yield from self._drop_mapping(name)
        elif kind in UNTOUCHED:
            self.draft.gap(kind, name, UNTOUCHED[kind])
        else:
            yield Statement(f"DROP {spelled(kind, name)}", kind, name, loses_data)

    def _still_not_null(self, table: str, properties: object) -> Iterator[Statement]:
        """Keep columns NOT NULL that are to be, whatever a dropped primary key takes along."""
        assert isinstance(properties, dict)
        if properties["type"] != "primary key":
            return
        for own in properties.get("columns", ()):
            key = ("column", f"{table}.{own}")
            if self.draft.target.get(key, {}).get("not null") and self.draft.live[key].get("not null"):
                yield Statement(f"ALTER TABLE {table} ALTER COLUMN {own} SET NOT NULL", *key)

    def _drop_mapping(self, name: str) -> Iterator[Statement]:
        role, server = name.removeprefix("FOR ").rsplit(" SERVER ", 1)
        try:
            sql = f"DROP USER MAPPING FOR {self.draft.roles.sql(role)} SERVER {server}"
        except UnknownRole as error:
            self.draft.gap("user mapping", name, str(error))
            return
        yield Statement(sql, "user mapping", name, loses_data=True)
