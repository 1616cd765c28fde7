"""Find the objects that a session's transactions changed in the catalog, without reading the whole catalog.

A row that a transaction wrote has its ID in ``xmin`` (manual, "System Columns"). A row that it deleted is found by
listing a catalog again, which is done only where the session's own statistics count a deletion. The statistics of a
transaction are complete until it ends (manual, "The Cumulative Statistics System"); after a commit they are not used.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from wish_rollout.postgres.catalog.pipelined_queries import Answer
from wish_rollout.postgres.queries import load_query
from wish_rollout.postgres.sessions.read_transaction import PLAIN_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LISTED = frozenset(
    {"pg_class", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_policy", "pg_inherits"}
    | {"pg_proc", "pg_type", "pg_enum", "pg_description", "pg_depend"}
)
"""Catalogs whose rows are remembered, so that a deletion is noticed."""
COMPANIONS = frozenset(
    {"pg_attribute", "pg_index", "pg_sequence", "pg_partitioned_table", "pg_foreign_table"}
)
"""Catalogs from which DDL deletes rows only together with the row of the relation in pg_class."""
FOLLOWED = LISTED | COMPANIONS
IGNORED = frozenset(
    {"pg_shdepend", "pg_shdescription", "pg_statistic", "pg_statistic_ext_data", "pg_largeobject"}
    | {"pg_largeobject_metadata"}
)
"""Catalogs that no snapshot reads."""
PREFIX = "wish_rollout_"
"""Begins the names of the prepared statements."""
_PARAMETER = re.compile(r"%\((\w+)\)s")
BOOTSTRAP, FIRST_NORMAL = 1, 3
"""The transaction ID of initdb's first rows, and the first one that is no special one (access/transam.h)."""

Key = tuple[int, int]
Counts = dict[str, tuple[int, int]]


class Entry(NamedTuple):
    """A row of a catalog: the object that it belongs to, and for a relation its kind and name."""

    container: int
    kind: str
    name: str


Rows = dict[str, dict[Key, Entry]]
"""Catalog → (number of the object, part) → its row."""


class Listing(NamedTuple):
    """The rows of the catalogs that are remembered, and the numbers of rows of the others."""

    rows: Rows
    others: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment before a change: a transaction ID that no later one is below, and what was counted then."""

    since: int
    counts: Counts


@dataclass(slots=True)
class Written:
    """What was written since a mark: new rows, and for catalogs with deletions the keys that are there now.

    ``everything``: a catalog of another kind was written, so that all has to be read. ``deleted``: the catalogs with
    deletions.
    """

    everything: bool = False
    rows: Rows = field(default_factory=dict)
    present: Mapping[str, set[Key]] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()

    def gone(self, known: Rows) -> Rows:
        """Return those of the known rows that are there no more."""
        return {
            name: {key: known[name][key] for key in known[name].keys() - keys}
            for name, keys in self.present.items()
        }


class CatalogChanges:
    """Asks one session what was written to the catalog of its database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.major = connection.info.server_version // 10000
        rows = self.ask(
            "SELECT oid, relname, has_table_privilege(oid, 'SELECT') FROM pg_catalog.pg_class"
            " WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'"
        ).fetchall()
        self.catalogs = {str(name): int(oid) for oid, name, _ in rows if name not in IGNORED}
        self.readable = all(may_read for _, name, may_read in rows if name not in IGNORED)
        self.counting = self.ask("SELECT current_setting('track_counts')::bool").fetchall()[0][0]
        self.prefix = _new_prefix()
        self.prepared: dict[str, list[str]] = {}
        self.columns: dict[str, list[str]] = {}
        self.counted: Counts = {}
        catalogs = _array(self.catalogs.values())
        self._count = load_query("written_catalogs", self.major).replace("%(catalogs)s", catalogs)

    def ask(self, text: str, parameters: Any = None) -> psycopg.Cursor[Any]:
        """Execute a query without preparing it."""
        return psycopg.ClientCursor(self.connection).execute(text.encode(), parameters)

    def named(
        self, names: Iterable[str], parameters: Mapping[str, Any], *, some: bool = False
    ) -> dict[str, Answer]:
        """Execute queries that have a file, as prepared statements (manual, PREPARE), in one message to the server.

        The driver would prepare again after every ALTER, DROP and ROLLBACK, for queries of tables that these change.
        ``some``: as for a read of selected objects.
        """
        wanted = {name: f"{name}_of_some" if some else name for name in names}
        for name, query in wanted.items():
            if query not in self.prepared:
                text, order = _numbered(load_query(name, self.major, selected=some))
                self.ask(f"PREPARE {self.prefix}{query} AS {text}")
                self.prepared[query] = order
        if not wanted:
            return {}
        values: dict[str, str] = {}
        cursor = self.ask(";".join(self._call(query, parameters, values) for query in wanted.values()))
        found: dict[str, Answer] = {}
        for name, query in wanted.items():
            if query not in self.columns:
                self.columns[query] = [column.name for column in cursor.description or ()]
            found[name] = Answer(self.columns[query], cursor.fetchall())
            cursor.nextset()
        return found

    def _call(self, name: str, parameters: Mapping[str, Any], values: dict[str, str]) -> str:
        """Return the EXECUTE of a prepared query. ``values``: the parameters' texts, as far as they are known."""
        order = self.prepared[name]
        for each in order:
            if each not in values:
                values[each] = self._value(parameters[each])
        arguments = f" ({', '.join(values[each] for each in order)})" if order else ""
        return f"EXECUTE {self.prefix}{name}{arguments}"

    def _value(self, value: Any) -> str:
        if isinstance(value, list) and all(type(each) is int for each in value):
            return _array(value)
        return psycopg.sql.Literal(value).as_string(self.connection)

    def prepare_to_read(self) -> None:
        """Let prepared statements be planned once, and prepare again what a script has deallocated."""
        prepared = (
            f"SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE starts_with(name, '{self.prefix}')"  # noqa: S608
        )
        settings = f"SELECT {PLAIN_SETTINGS}, set_config('plan_cache_mode', 'force_generic_plan', true)"
        answer = self.ask(f"{settings}; {prepared}; {self._count}")
        answer.nextset()
        if answer.fetchall()[0][0] < len(self.prepared):
            self.prefix = _new_prefix()
            self.prepared.clear()
        answer.nextset()
        self.counted = _counts(answer)

    def count_writes(self) -> Counts:
        """Return what the session has counted of its writes; empty if the server does not count."""
        return _counts(self.ask(self._count))

    def mark(self) -> Moment:
        """Return the present moment; the session is in the transaction that will write."""
        answer = self.ask(
            "SELECT least(pg_snapshot_xmax(pg_current_snapshot()), pg_current_xact_id_if_assigned())::text::numeric;"
            f" {self._count}"
        )
        since = int(answer.fetchall()[0][0]) % 2**32
        answer.nextset()
        return Moment(max(since, FIRST_NORMAL), _counts(answer))

    def list_all(self) -> Listing:
        """Return the rows of all catalogs whose rows are remembered, and how many rows the others have."""
        others = {name: rows for name, rows, _ in self._other_catalogs(BOOTSTRAP)} if self.readable else {}
        found: Rows = {name: {} for name in LISTED}
        found |= self._take_rows(self._written_rows(BOOTSTRAP, LISTED)["changed_objects"])
        members = {key for key, entry in found["pg_depend"].items() if entry.kind == "extension"}
        found["pg_depend"] = {key: entry for key, entry in found["pg_depend"].items() if key not in members}
        return Listing(found, others)

    def prepare_all(self) -> None:
        """Prepare and plan the queries of this class. Comes after ``prepare_to_read``."""
        self._written_rows(BOOTSTRAP, (), (), ("changed_objects", "present_objects"), own=True)
        self.named(["dependents"], {"catalogs": [], "oids": []})

    def written(
        self, mark: Moment, others: Mapping[str, int], *, committed: bool, own: bool = False
    ) -> Written:
        """Return what was written since ``mark``; ``committed``: whether a transaction ended since then.

        ``others``: how many rows the catalogs have that are not followed. ``own``: leave out the rows that other
        sessions wrote.

        Comes after ``prepare_to_read``.
        """
        if committed or not self.counting:
            if not self.readable:
                return Written(everything=True)
            written, deleted = set(FOLLOWED), set(LISTED)
            now = self._other_catalogs(mark.since)
            if any(new or rows != others.get(name) for name, rows, new in now):
                return Written(everything=True)
        else:
            pairs = {name: (after, mark.counts.get(name, (0, 0))) for name, after in self.counted.items()}
            written = {name for name, (after, before) in pairs.items() if after[0] != before[0]}
            deleted = {name for name, (after, before) in pairs.items() if after[1] != before[1]}
            alone = deleted & COMPANIONS and "pg_class" not in deleted
            if (written | deleted) - FOLLOWED or alone:
                return Written(everything=True)
        names = ["changed_objects"] if written else []
        names += ["present_objects"] if deleted & LISTED else []
        found = self._written_rows(mark.since, written, deleted, names, own=own)
        rows = self._take_rows(found["changed_objects"]) if written else {}
        keys = found["present_objects"].fetchall() if deleted & LISTED else ()
        listed = {name: _keys(text) for name, text in keys if name in deleted}
        return Written(rows=rows, present=listed, deleted=frozenset(deleted))

    def dependents(self, objects: Iterable[tuple[str, int]]) -> list[tuple[str, int, int | None, int | None]]:
        """Return the objects whose definitions name these, as (catalog, number, table, type)."""
        pairs = list(objects)
        parameters = {"catalogs": [name for name, _ in pairs], "oids": [oid for _, oid in pairs]}
        return self.named(["dependents"], parameters)["dependents"].fetchall()

    def _written_rows(
        self,
        since: int,
        catalogs: Iterable[str],
        deleted: Iterable[str] = (),
        names: Iterable[str] = ("changed_objects",),
        *,
        own: bool = False,
    ) -> dict[str, Answer]:
        """Ask for rows; ``own``: only those of the present transaction and its subtransactions."""
        parameters = {"since": str(since), "catalogs": list(catalogs), "deleted": list(deleted)}
        return self.named(names, parameters, some=own)

    @staticmethod
    def _take_rows(answer: Answer) -> Rows:
        found: Rows = {}
        for catalog, oid, part, container, kind, name, *_ in answer.fetchall():
            found.setdefault(catalog, {})[oid, part] = Entry(container, kind, name)
        return found

    def _other_catalogs(self, since: int) -> list[tuple[str, int, int]]:
        """Return name, rows and rows since then of the catalogs that are not followed."""
        text = " UNION ALL ".join(
            f"SELECT '{name}', count(*), count(*) FILTER (WHERE age(xmin) <= age({since}::text::xid)) FROM {name}"  # noqa: S608
            for name in sorted(self.catalogs.keys() - FOLLOWED)
        )
        return self.ask(text).fetchall()


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


def _array(numbers: Iterable[int]) -> str:
    """Return the array of some OIDs as a constant."""
    return f"'{{{','.join(map(str, numbers))}}}'"


def _counts(answer: psycopg.Cursor[Any]) -> Counts:
    return {name: (written, deleted) for name, written, deleted in answer.fetchall()}


def _keys(text: str | None) -> set[Key]:
    pairs = (each.partition(".") for each in text.split(",")) if text else ()
    return {(int(oid), int(part)) for oid, _, part in pairs}
