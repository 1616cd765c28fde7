"""The cursors that scripts get: psycopg 3 that also understands psycopg 2's COPY methods."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import psycopg

from wish_rollout.revisions.statements.driver_guard import refuse_past_sqlalchemy

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCK = 8192


class ServerScriptCursor(psycopg.ServerCursor[Any]):
    """A cursor on the server, from which SQLAlchemy reads with ``stream_results``."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Declare the cursor; raise DriverStatementRefused where it must go through SQLAlchemy."""
        refuse_past_sqlalchemy(self, query, [params])
        return super().execute(query, params, **options)


class ScriptCursor(psycopg.ClientCursor[Any]):
    """A cursor that fills in parameters on the client, as psycopg 2 does.

    A bare parameter of the server-side protocol has no type where any type is accepted.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Execute a statement; raise DriverStatementRefused where it must go through SQLAlchemy."""
        refuse_past_sqlalchemy(self, query, [params])
        return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        """Execute a statement for several rows; raise DriverStatementRefused as ``execute`` does."""
        rows = list(params_seq)
        refuse_past_sqlalchemy(self, query, rows)
        super().executemany(query, rows, **options)

    def stream(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Yield rows as they arrive; raise DriverStatementRefused as ``execute`` does."""
        refuse_past_sqlalchemy(self, query, [params])
        return super().stream(query, params, **options)

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Begin a COPY; raise DriverStatementRefused as ``execute`` does."""
        refuse_past_sqlalchemy(self, statement, [params])
        return super().copy(statement, params, **options)

    async def _async_soft_close(self) -> None:
        """Do nothing: SQLAlchemy's asynchronous connections await this, and the rows are read already."""

    def copy_expert(self, sql: str, file: IO[Any], size: int = BLOCK) -> None:
        """Execute a COPY statement with a file, as psycopg 2's method of this name does."""
        with self.copy(sql.encode()) as copy:
            if "from" in sql.lower() and "stdin" in sql.lower():
                while block := file.read(size):
                    copy.write(block)
            else:
                for data in copy:
                    file.write(bytes(data) if "b" in getattr(file, "mode", "") else bytes(data).decode())

    def copy_from(  # noqa: PLR0913, PLR0917  (they are those of psycopg 2)
        self,
        file: IO[Any],
        table: str,
        sep: str = "\t",
        null: str = "\\N",
        size: int = BLOCK,
        columns: list[str] | tuple[str, ...] | None = None,
    ) -> None:
        """Read rows from a file into a table, as psycopg 2's method of this name does."""
        names = [psycopg.sql.Identifier(name) for name in columns or ()]
        statement = psycopg.sql.SQL("COPY {} {} FROM STDIN WITH (DELIMITER {}, NULL {})").format(
            psycopg.sql.Identifier(*table.split(".")),
            psycopg.sql.SQL("({})").format(psycopg.sql.SQL(", ").join(names))
            if names
            else psycopg.sql.SQL(""),
            sep,
            null,
        )
        with self.copy(statement) as copy:
            while block := file.read(size):
                copy.write(block)
