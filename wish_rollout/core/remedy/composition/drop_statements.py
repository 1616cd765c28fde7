"""The statements that drop objects. The order is decided by the graph of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.parts import DEFINITION, QUERY, reported
from wish_rollout.core.remedy.identity_sequences import heir, set_aside
from wish_rollout.core.remedy.sql_syntax import spelled
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.writers import foreign_servers, privileges, schemas
from wish_rollout.core.remedy.writers.columns import creation, defaults, not_null_statements
from wish_rollout.core.remedy.writers.columns.not_null_names import NAMED_SINCE, passes_on
from wish_rollout.core.remedy.writers.data_types import type_replacement
from wish_rollout.core.remedy.writers.relations import constraints, indexes, table_parts, views
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.remedy.steps.step_lookup import StepLookup
    from wish_rollout.core.schema.snapshot import Key

_COPIES = {"index": indexes.drop_copy, "constraint": constraints.drop_copy}
"""A partition's copies of its parent's indexes and constraints are not dropped by themselves."""


class DropStatements:
    """Writes the DROP statements of one remedy."""

    def __init__(self, draft: Draft, changes: ChangeSet, lookup: StepLookup) -> None:
        self.draft = draft
        self.changes = changes
        self.lookup = lookup

    def write(self, key: Key, *, marked: bool) -> Iterator[Statement]:
        """Yield the statements that drop an object."""
        kind, name = key
        also = tuple(self._columns_along(key)) if kind == "column" and marked else ()
        for sql in self._sql(key):
            yield Statement(sql, *reported(key), marked, also)
        if kind == "constraint":
            yield from self._still_not_null(split_last(name)[0], self.draft.live[key])

    def _sql(self, key: Key) -> list[str]:  # noqa: PLR0911 - one return for each kind
        kind, name = key
        live = self.draft.live[key]
        if self._is_detached(key):
            return []  # it is the table's own after DETACH PARTITION, or gone
        if _is_copy(kind, live):
            return _COPIES[kind](self.draft, name)
        if self.changes.replaced(key):
            return [type_replacement.drop_old(kind, name)]
        if kind == "default privileges":
            return schemas.default_privileges(self.draft, name, live["privileges"], {})
        if kind == "sequence" and heir(self.draft, name) is not None:
            return [f"ALTER SEQUENCE {name} OWNED BY NONE", set_aside(name)]
        if kind == "user mapping":
            return foreign_servers.drop_mapping(self.draft, name)
        if kind == "language" and "handler" not in live:
            kept = [each for each in ("privileges", "comment") if each == "privileges" or each in live]
            pairs: Pairs = {each: (live.get(each), None) for each in kept}
            return privileges.finish(self.draft, kind, name, pairs)
        if (made := self._of_part(key)) is not None:
            return made
        cascade = " CASCADE" if self._takes_along(key) else ""
        return [f"DROP {spelled(kind, name)}{cascade}"]

    def _of_part(self, key: Key) -> list[str] | None:
        """Return the statements that drop a part of a table or domain; None for what DROP names by itself."""
        kind, name = key
        if kind == QUERY:
            return views.drop_query(self.draft, name)
        if kind == "default":
            return defaults.drop(self.draft, name)
        if kind == "trigger" and table_parts.original_trigger(self.draft.live, name):
            return table_parts.drop_copy(self.draft.live, name)
        if kind == "column":
            return [] if creation.follows_type(self.draft, split_last(name)[0]) else self._drop_column(name)
        if kind == "constraint":
            whole, own = split_last(name)
            return [f"ALTER {self._altered_word(whole)} {whole} DROP CONSTRAINT {own}"]
        return None

    def _columns_along(self, key: Key) -> Iterator[str]:
        """Yield the children's columns that are dropped with a parent's."""
        step = self.lookup.drop_of(key)
        for other in sorted(self.changes.dropped):
            if other != key and other[0] == "column" and self.lookup.drop_of(other) == step:
                yield other[1]

    def _is_detached(self, key: Key) -> bool:
        """Return whether a copy of a parent's part is of a table that is no longer a partition of it."""
        live, target = self.draft.live, self.draft.target
        if key[0] not in {"index", "constraint", "trigger"} or not table_parts.is_copy(live, key):
            return False
        table = live[key]["table"] if key[0] == "index" else split_last(key[1])[0]
        parents = {objects.get(("table", table), {}).get("partition of") for objects in (live, target)}
        return len(parents) > 1

    def _takes_along(self, key: Key) -> bool:
        """Return whether a base type's functions, or constraints attached to an index, are dropped with it."""
        if key[0] == "base type":
            return (DEFINITION, key[1]) in self.draft.live
        return key[0] == "index" and any(
            self.draft.live[other].get("attached to") == key[1]
            for other in self.changes.before.dependents.get(key, ())
        )

    def _altered_word(self, whole: str) -> str:
        if ("domain", whole) in self.draft.live:
            return "DOMAIN"
        return "FOREIGN TABLE" if ("foreign table", whole) in self.draft.live else "TABLE"

    def _drop_column(self, name: str) -> list[str]:
        table, own = split_last(name)
        is_alone = self.lookup.keeps_children(name)
        words = f"{'ONLY ' if is_alone else ''}{table} DROP COLUMN {own}"
        is_named = self.draft.major >= NAMED_SINCE and passes_on(self.draft.live["column", name])
        # or the children's constraints stay inherited, from nothing
        first = not_null_statements.drop(self.draft, name) if is_alone and is_named else []
        return [*first, f"ALTER {self._altered_word(table)} {words}"]

    def _still_not_null(self, table: str, properties: Properties) -> Iterator[Statement]:
        """Keep columns NOT NULL that stay so, although their primary key is dropped."""
        if properties["type"] != "primary key":
            return
        for own in properties.get("columns", ()):
            key = ("column", f"{table}.{own}")
            if key in self.changes.dropped:
                continue
            if self.draft.target.get(key, {}).get("not null") and self.draft.live[key].get("not null"):
                yield Statement(f"ALTER TABLE {table} ALTER COLUMN {own} SET NOT NULL", *key)


def _is_copy(kind: str, live: Properties) -> bool:
    """Return whether a part of a partition is a copy of its parent's."""
    return kind in _COPIES and ("copy" in live or ("copy of" in live and "type" not in live))
