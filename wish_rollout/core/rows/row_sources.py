"""Sources of rows: the current table and columns of a table that the release renames, changes or extends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.rows.requirements import RowSource
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import tokenize_statements, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Json, Snapshot


class RowSources:
    """Finds the source of a table's rows.

    ``moved``: the snapshot before the release, with the names of ``renamed``. ``after``: the snapshot after
    it. ``renamed``: (kind, old name) → new name. ``delta``: the difference from ``moved`` to ``after``.
    """

    def __init__(
        self, moved: Snapshot, after: Snapshot, renamed: Mapping[tuple[str, str], str], delta: Delta
    ) -> None:
        self.old_tables = {new: old for (kind, old), new in renamed.items() if kind == "table"}
        old_columns = {new: split_last(old)[1] for (kind, old), new in renamed.items() if kind == "column"}
        existing = {name: name for name, _ in moved.of_kind("column")}
        existing |= {
            change.properties["name"][1]: change.name
            for change in delta.changes
            if change.change == "renamed"
        }
        self.current_names = {
            name: old_columns.get(old, split_last(old)[1]) for name, old in existing.items()
        }
        self.columns_after: dict[str, dict[str, Mapping[str, Json]]] = {}
        for name, properties in after.of_kind("column"):
            table, column = split_last(name)
            self.columns_after.setdefault(table, {})[column] = properties

    def of(self, table: str, texts: Iterable[str]) -> RowSource | None:
        """Return the source of a table, with the columns that the texts contain; None if nothing differs."""
        words = {
            unquote_identifier(word)
            for text in texts
            for tokens in tokenize_statements(text)
            for word in tokens
        }
        expressions = {
            column: self._current_expression(table, column, properties)
            for column, properties in self.columns_after.get(table, {}).items()
            if unquote_identifier(column) in words
        }
        if all(column == expression for column, expression in expressions.items()):
            expressions = {}
        old_table = self.old_tables.get(table, table)
        if old_table == table and not expressions:
            return None
        return RowSource(old_table, tuple(expressions.items()))

    def _current_expression(self, table: str, column: str, properties: Mapping[str, Json]) -> str:
        """Return the SQL expression of a column's current value: its old name, or a new column's default."""
        if old := self.current_names.get(f"{table}.{column}"):
            return old
        return f"({properties.get('default', 'null')})"
