"""The results of finished statements, which a resumed release returns to its scripts again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

TYPES = "select oid, format_type(oid, null) from pg_type where oid = any(%s::oid[])"


class StatementResult(NamedTuple):
    """The result of a statement.

    ``row_count``: the number of rows that it changed or returned. ``columns``: name and type OID of each column that it
    returned. ``rows``: the returned values as text.
    """

    row_count: int
    columns: list[tuple[str, int]]
    rows: list[list[str | None]]

    @classmethod
    def from_cursor(cls, cursor: psycopg.Cursor[Any]) -> StatementResult:
        """Return the result of a cursor's last statement; its rows can still be fetched."""
        result, encoding = cursor.pgresult, cursor.connection.info.encoding
        if result is None or not result.nfields:
            return cls(cursor.rowcount, [], [])

        def text(row: int, column: int) -> str | None:
            value = result.get_value(row, column)
            return None if value is None else bytes(value).decode(encoding)

        fields = range(result.nfields)
        columns = [
            ((result.fname(column) or b"").decode(encoding), result.ftype(column)) for column in fields
        ]
        return cls(
            cursor.rowcount,
            columns,
            [[text(row, column) for column in fields] for row in range(result.ntuples)],
        )

    @classmethod
    def from_json(cls, text: str) -> StatementResult:
        """Return the result that ``to_json`` wrote."""
        return cls(*json.loads(text))

    def to_json(self) -> str:
        """Return the result as JSON text."""
        return json.dumps(self, ensure_ascii=False)

    def return_again(self, cursor: psycopg.Cursor[Any]) -> None:
        """Make this the result of a cursor, as if the statement had been executed now."""
        if not self.columns:
            cursor._rowcount = self.row_count  # noqa: SLF001  (psycopg has no public setter; scripts loop until 0)
            return
        type_names = dict(cursor.connection.execute(TYPES, [[kind for _, kind in self.columns]]).fetchall())
        types = [sql.SQL(type_names.get(kind, "text")) for _, kind in self.columns]
        no_row = sql.SQL(", ").join(sql.SQL("null::{}").format(kind) for kind in types)
        rows = [
            sql.SQL("({})").format(
                sql.SQL(", ").join(
                    sql.SQL("{}::{}").format(sql.Literal(value), kind)
                    for value, kind in zip(row, types, strict=True)
                )
            )
            for row in self.rows
        ]
        values = sql.SQL(" union all values {}").format(sql.SQL(", ").join(rows)) if rows else sql.SQL("")
        cursor.execute(
            sql.SQL("select * from (select {} where false{}) as result ({})").format(
                no_row, values, sql.SQL(", ").join(sql.Identifier(name) for name, _ in self.columns)
            )
        )
