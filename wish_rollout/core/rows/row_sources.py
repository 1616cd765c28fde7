"""Where the rows of a coming table are now: under another name, with columns that are called otherwise or missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.rows.requirements import Source
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import bare, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Json, Snapshot


class Sources:
    """Finds sources. ``moved`` is ``before`` with the names that ``renamed`` gives; ``delta`` leads from it to ``after``."""

    def __init__(
        self, moved: Snapshot, after: Snapshot, renamed: Mapping[tuple[str, str], str], delta: Delta
    ) -> None:
        self.tables = {new: old for (kind, old), new in renamed.items() if kind == "table"}
        self.columns = {new: split_last(old)[1] for (kind, old), new in renamed.items() if kind == "column"}
        there = {name: name for name, _ in moved.of_kind("column")}
        there |= {c.properties["name"][1]: c.name for c in delta.changes if c.change == "renamed"}
        self.was = {name: self.columns.get(old, split_last(old)[1]) for name, old in there.items()}
        self.after: dict[str, dict[str, Mapping[str, Json]]] = {}
        for name, properties in after.of_kind("column"):
            table, column = split_last(name)
            self.after.setdefault(table, {})[column] = properties

    def of(self, table: str, texts: Iterable[str]) -> Source | None:
        """Give the source of a table, with the columns that these texts name; None where nothing differs."""
        words = {bare(word) for text in texts for each in statements(text) for word in each}
        named = {
            column: self._now(table, column, properties)
            for column, properties in self.after.get(table, {}).items()
            if bare(column) in words
        }
        if all(column == value for column, value in named.items()):
            named = {}
        old = self.tables.get(table, table)
        return None if old == table and not named else Source(old, tuple(named.items()))

    def _now(self, table: str, column: str, properties: Mapping[str, Json]) -> str:
        """Give the SQL for a column's value now: its old name, or what it will come with."""
        if old := self.was.get(f"{table}.{column}"):
            return old
        return f"({properties.get('default', 'null')})"
