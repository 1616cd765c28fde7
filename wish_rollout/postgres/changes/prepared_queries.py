"""Queries of the catalog as prepared statements of one session, several in one message to the server."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.postgres.catalog.pipelined_queries import Answer
from wish_rollout.postgres.queries import load_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "wish_rollout_"
"""Begins the names of the prepared statements."""
FEW_OBJECTS = (
    "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_mergejoin', 'off', true), set_config('enable_bitmapscan', 'off', true),"
    " set_config('join_collapse_limit', '8', true)"
)
"""A generic plan does not know that the arrays contain few numbers (manual, PREPARE, 19.7.1). Joins may be executed in another
order than they are written, with the few objects first, although ``consistent_read_transaction`` forbids it."""
_PARAMETER = re.compile(r"%\((\w+)\)s")


class PreparedQueries:
    """The queries of one session that have a file, prepared under names of this session's own."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.major = connection.info.server_version // 10000
        self._prefix = _new_prefix()
        self._prepared: dict[str, list[str]] = {}
        self._columns: dict[str, list[str]] = {}
        self._literals: dict[str, tuple[Any, str]] = {}

    @property
    def count_query(self) -> str:
        """A query for the number of this session's statements that the server knows, for ``note_count``."""
        return f"SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE starts_with(name, '{self._prefix}')"  # noqa: S608

    def note_count(self, count: int) -> None:
        """Prepare all queries again, each before its next use, if a script has deallocated some."""
        if count < len(self._prepared):
            self._prefix = _new_prefix()
            self._prepared.clear()

    def ask(self, text: str, parameters: Any = None) -> psycopg.Cursor[Any]:
        """Execute a query without preparing it."""
        return psycopg.ClientCursor(self.connection).execute(text.encode(), parameters)

    def named(
        self, names: Iterable[str], parameters: Mapping[str, Any], *, some: bool = False, few: bool = False
    ) -> dict[str, Answer]:
        """Execute queries that have a file, as prepared statements (manual, PREPARE), in one message to the server.

        The driver would prepare again after every ALTER, DROP and ROLLBACK, for queries of tables that these change.
        ``some``: as for a read of selected objects. ``few``: of so few that no table of the catalog should be scanned.
        """
        wanted = {name: f"{name}_of_some" if some else name for name in names}
        for name, query in wanted.items():
            if query not in self._prepared:
                text, order = _numbered(load_query(name, self.major, selected=some))
                self.ask(f"PREPARE {self._prefix}{query} AS {text}")
                self._prepared[query] = order
        if not wanted:
            return {}
        values: dict[str, str] = {}
        calls = [self._call(query, parameters, values) for query in wanted.values()]
        cursor = self.ask(";".join([FEW_OBJECTS, *calls] if few else calls))
        if few:
            cursor.nextset()
        found: dict[str, Answer] = {}
        for name, query in wanted.items():
            if query not in self._columns:
                self._columns[query] = [column.name for column in cursor.description or ()]
            found[name] = Answer(self._columns[query], cursor.fetchall())
            cursor.nextset()
        return found

    def _call(self, name: str, parameters: Mapping[str, Any], values: dict[str, str]) -> str:
        """Return the EXECUTE of a prepared query. ``values``: the parameters' texts, as far as they are known."""
        order = self._prepared[name]
        for each in order:
            if each not in values:
                values[each] = self._value(each, parameters[each])
        arguments = f" ({', '.join(values[each] for each in order)})" if order else ""
        return f"EXECUTE {self._prefix}{name}{arguments}"

    def _value(self, name: str, value: Any) -> str:
        """Return a parameter as a constant; most are those of the call before."""
        known = self._literals.get(name)
        if known is None or known[0] != value:
            is_numbers = isinstance(value, list) and all(type(each) is int for each in value)
            text = as_array(value) if is_numbers else psycopg.sql.Literal(value).as_string(self.connection)
            known = self._literals[name] = list(value) if isinstance(value, list) else value, text
        return known[1]


def _new_prefix() -> str:
    """Return a prefix that no statement has that was prepared before on a pooled connection."""
    return f"{PREFIX}{secrets.token_hex(4)}_"


def _numbered(text: str) -> tuple[str, list[str]]:
    """Return a query with numbered parameters, and their names in order."""
    order: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in order:
            order.append(match[1])
        return f"${order.index(match[1]) + 1}"

    return _PARAMETER.sub(number, text).replace("%%", "%"), order


def as_array(numbers: Iterable[int]) -> str:
    """Return the array of some OIDs as a constant."""
    return f"'{{{','.join(map(str, numbers))}}}'"
