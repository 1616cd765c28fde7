"""What a statement gave, kept so that it can be given again to a script that goes on behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

TYPES = "select oid, format_type(oid, null) from pg_type where oid = any(%s::oid[])"


class StatementResult(NamedTuple):
    """How many rows a statement touched and, where it gave some, its columns (name, type's OID) and their texts."""

    touched: int
    columns: list[tuple[str, int]]
    rows: list[list[str | None]]

    @classmethod
    def from_cursor(cls, cursor: psycopg.Cursor[Any]) -> StatementResult:
        """Take what a cursor got just now; it can still be fetched from."""
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
        """Read what ``to_json`` wrote."""
        return cls(*json.loads(text))

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(self, ensure_ascii=False)

    def again(self, cursor: psycopg.Cursor[Any]) -> None:
        """Let a cursor have it once more."""
        if not self.columns:
            cursor._rowcount = self.touched  # noqa: SLF001  (there is no other way; scripts loop until it is 0)
            return
        known = dict(cursor.connection.execute(TYPES, [[kind for _, kind in self.columns]]).fetchall())
        types = [sql.SQL(known.get(kind, "text")) for _, kind in self.columns]
        nothing = sql.SQL(", ").join(sql.SQL("null::{}").format(kind) for kind in types)
        rows = [
            sql.SQL("({})").format(
                sql.SQL(", ").join(
                    sql.SQL("{}::{}").format(sql.Literal(value), kind)
                    for value, kind in zip(row, types, strict=True)
                )
            )
            for row in self.rows
        ]
        some = sql.SQL(" union all values {}").format(sql.SQL(", ").join(rows)) if rows else sql.SQL("")
        cursor.execute(
            sql.SQL("select * from (select {} where false{}) as given ({})").format(
                nothing, some, sql.SQL(", ").join(sql.Identifier(name) for name, _ in self.columns)
            )
        )
