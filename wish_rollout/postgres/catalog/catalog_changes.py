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

from wish_rollout.postgres.queries import load_query

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
        self.counted: Counts = {}

    def ask(self, text: str, parameters: Any = None) -> psycopg.Cursor[Any]:
        """Execute a query without preparing it."""
        return psycopg.ClientCursor(self.connection).execute(text.encode(), parameters)

    def named(self, name: str, parameters: Mapping[str, Any], *, some: bool = False) -> psycopg.Cursor[Any]:
        """Execute one of the queries that have a file, as a prepared statement (manual, PREPARE).

        The driver would prepare again after every ALTER, DROP and ROLLBACK, for queries of tables that these change.
        """
        query = f"{name}_of_some" if some else name
        if query not in self.prepared:
            text, order = _numbered(load_query(name, self.major, selected=some))
            self.ask(f"PREPARE {self.prefix}{query} AS {text}")
            self.prepared[query] = order
        order = self.prepared[query]
        places = ", ".join(["%s"] * len(order))
        call = f"EXECUTE {self.prefix}{query}" + (f" ({places})" if order else "")
        return self.ask(call, [parameters[each] for each in order])

    def prepare_to_read(self) -> None:
        """Let prepared statements be planned once, and prepare again what a script has deallocated."""
        with self.connection.pipeline():
            found = self.ask(
                "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
                " (SELECT count(*) FROM pg_prepared_statements WHERE starts_with(name, %s))",
                [self.prefix],
            )
            counts = self._count() if "written_catalogs" in self.prepared else None
            if found.fetchall()[0][1] < len(self.prepared):
                self.prefix = _new_prefix()
                self.prepared.clear()
                counts = None
        self.counted = _counts(counts or self._count())

    def count_writes(self) -> Counts:
        """Return what the session has counted of its writes; empty if the server does not count."""
        return _counts(self._count())

    def mark(self) -> Moment:
        """Return the present moment; the session is in the transaction that will write."""
        with self.connection.pipeline():
            snapshot = self.ask(
                "SELECT least(pg_snapshot_xmax(pg_current_snapshot()), pg_current_xact_id_if_assigned())::text::numeric"
            )
            counts = self._count()
            since = int(snapshot.fetchall()[0][0]) % 2**32
            return Moment(max(since, FIRST_NORMAL), _counts(counts))

    def list_all(self) -> Listing:
        """Return the rows of all catalogs whose rows are remembered, and how many rows the others have."""
        others = {name: rows for name, rows, _ in self._other_catalogs(BOOTSTRAP)} if self.readable else {}
        found: Rows = {name: {} for name in LISTED}
        found |= self._take_rows(self._ask_rows(BOOTSTRAP, LISTED))
        members = {key for key, entry in found["pg_depend"].items() if entry.kind == "extension"}
        found["pg_depend"] = {key: entry for key, entry in found["pg_depend"].items() if key not in members}
        return Listing(found, others)

    def prepare_all(self) -> None:
        """Prepare and plan the queries of this class. Comes after ``prepare_to_read``."""
        with self.connection.pipeline():
            self._ask_rows(BOOTSTRAP, (), own=True)
            self.named("present_objects", {"catalogs": []})
            self.named("dependents", {"catalogs": [], "oids": []})

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
        with self.connection.pipeline():
            rows = self._ask_rows(mark.since, written, own=own) if written else None
            keys = self.named("present_objects", {"catalogs": list(deleted)}) if deleted & LISTED else None
        listed = {name: _keys(text) for name, text in keys.fetchall() if name in deleted} if keys else {}
        return Written(rows=self._take_rows(rows) if rows else {}, present=listed, deleted=frozenset(deleted))

    def dependents(self, objects: Iterable[tuple[str, int]]) -> list[tuple[str, int, int | None, int | None]]:
        """Return the objects whose definitions name these, as (catalog, number, table, type)."""
        pairs = list(objects)
        parameters = {"catalogs": [name for name, _ in pairs], "oids": [oid for _, oid in pairs]}
        return self.named("dependents", parameters).fetchall()

    def _count(self) -> psycopg.Cursor[Any]:
        return self.named("written_catalogs", {"catalogs": list(self.catalogs.values())})

    def _ask_rows(self, since: int, catalogs: Iterable[str], *, own: bool = False) -> psycopg.Cursor[Any]:
        """Ask for rows; ``own``: only those of the present transaction and its subtransactions."""
        return self.named("changed_objects", {"since": str(since), "catalogs": list(catalogs)}, some=own)

    @staticmethod
    def _take_rows(answer: psycopg.Cursor[Any]) -> Rows:
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


def _counts(answer: psycopg.Cursor[Any]) -> Counts:
    return {name: (written, deleted) for name, written, deleted in answer.fetchall()}


def _keys(text: str | None) -> set[Key]:
    pairs = (each.partition(".") for each in text.split(",")) if text else ()
    return {(int(oid), int(part)) for oid, _, part in pairs}
