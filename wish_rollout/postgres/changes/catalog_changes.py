"""Find the objects that a session's transactions changed in the catalog, without reading the whole catalog.

A row that a transaction wrote has its ID in ``xmin`` (manual, "System Columns"). A row that it deleted is found by
listing a catalog again, which is done only where the session's own statistics count a deletion. The statistics of a
transaction are complete until it ends (manual, "The Cumulative Statistics System"); after a commit they are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.changes.prepared_queries import PreparedQueries, as_array
from wish_rollout.postgres.changes.written_rows import (
    COMPANIONS,
    FOLLOWED,
    IGNORED,
    LISTED,
    Counts,
    Listing,
    Moment,
    Rows,
    Written,
    gone_locked_rows,
    gone_rows,
    parse_keys,
    parse_rows,
)
from wish_rollout.postgres.queries import load_query
from wish_rollout.postgres.sessions.read_transaction import PLAIN_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import psycopg

    from wish_rollout.postgres.catalog.pipelined_queries import Answer

LOCKED = (
    "SELECT string_agg(coalesce(l.relation, l.objid)::text, ',') FROM pg_catalog.pg_lock_status() l"
    " WHERE l.pid = pg_backend_pid() AND l.locktype IN ('relation', 'object')"
    " AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
)
"""The objects of the database that the session's transaction has locked."""
BOOTSTRAP, FIRST_NORMAL = 1, 3
"""The transaction ID of initdb's first rows, and the first one that is no special one (access/transam.h)."""


class CatalogChanges:
    """Asks one session what was written to the catalog of its database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.queries = PreparedQueries(connection)
        rows = self.queries.ask(
            "SELECT oid, relname, has_table_privilege(oid, 'SELECT') FROM pg_catalog.pg_class"
            " WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'"
        ).fetchall()
        self.catalogs = {str(name): int(oid) for oid, name, _ in rows if name not in IGNORED}
        self.readable = all(may_read for _, name, may_read in rows if name not in IGNORED)
        self.counting = self.queries.ask("SELECT current_setting('track_counts')::bool").fetchall()[0][0]
        self.counted: Counts = {}
        self.locked: list[int] = []
        catalogs = as_array(self.catalogs.values())
        self._count = load_query("written_catalogs", self.queries.major).replace("%(catalogs)s", catalogs)

    def prepare_to_read(self) -> None:
        """Let prepared statements be planned once, and prepare again what a script has deallocated."""
        settings = f"SELECT {PLAIN_SETTINGS}, set_config('plan_cache_mode', 'force_generic_plan', true)"
        answer = self.queries.ask(f"{settings}; {self.queries.count_query}; {LOCKED}; {self._count}")
        answer.nextset()
        self.queries.note_count(answer.fetchall()[0][0])
        answer.nextset()
        locked = answer.fetchall()[0][0]
        self.locked = sorted(map(int, set(locked.split(",")))) if locked else []
        answer.nextset()
        self.counted = _counts(answer)

    def count_writes(self) -> Counts:
        """Return what the session has counted of its writes; empty if the server does not count."""
        return _counts(self.queries.ask(self._count))

    def mark(self) -> Moment:
        """Return the present moment; the session is in the transaction that will write."""
        answer = self.queries.ask(
            "SELECT least(pg_snapshot_xmax(pg_current_snapshot()), pg_current_xact_id_if_assigned())::text::numeric;"
            f" {self._count}"
        )
        since = int(answer.fetchall()[0][0]) % 2**32
        answer.nextset()
        return Moment(max(since, FIRST_NORMAL), _counts(answer))

    def list_all(self, *, only_followed: bool = False) -> Listing:
        """Return the remembered rows, and how many rows the other catalogs have, unless ``only_followed``."""
        asked = self.readable and not only_followed
        others = {name: rows for name, rows, _ in self._other_catalogs(BOOTSTRAP)} if asked else None
        found: Rows = {name: {} for name in LISTED}
        found |= parse_rows(self._written_rows(BOOTSTRAP, LISTED)["changed_objects"].rows)
        members = {key for key, entry in found["pg_depend"].items() if entry.kind == "extension"}
        found["pg_depend"] = {key: entry for key, entry in found["pg_depend"].items() if key not in members}
        return Listing(found, others)

    def prepare_all(self) -> None:
        """Prepare and plan the queries of this class. Comes after ``prepare_to_read``."""
        names = ("changed_objects", "remaining_objects", "present_objects", "members")
        self._written_rows(BOOTSTRAP, (), (), names, own=True)
        self.queries.named(["dependents"], {"catalogs": [], "oids": []})

    def written(
        self,
        mark: Moment,
        known: Rows,
        others: Mapping[str, int] | None,
        *,
        committed: bool,
        own: bool = False,
    ) -> Written:
        """Return what was written since ``mark``; ``committed``: whether a transaction ended since then.

        ``known``: the remembered rows. ``others``: how many rows the catalogs have that are not followed. ``own``: leave
        out the rows that other sessions wrote. Comes after ``prepare_to_read``.
        """
        catalogs = self._written_catalogs(mark, others, committed=committed)
        if catalogs is None:
            return Written(everything=True)
        written, deleted = catalogs
        names = ["changed_objects"] if written else []
        if deleted & LISTED:
            names.append("remaining_objects" if own else "present_objects")
        if "pg_depend" in deleted:
            names.append("members")
        found = self._written_rows(mark.since, written, deleted, names, own=own)
        rows = parse_rows(found["changed_objects"].rows) if written else {}
        gone = self._gone(known, rows, found, deleted & LISTED) if deleted & LISTED else {}
        members = len(found["members"].rows) if "members" in found else None
        return Written(rows=rows, gone=gone, members=members)

    def _written_catalogs(
        self, mark: Moment, others: Mapping[str, int] | None, *, committed: bool
    ) -> tuple[set[str], set[str]] | None:
        """Return the catalogs in which rows were written, and deleted; None if one of them is not followed."""
        if committed or not self.counting:
            if others is None:
                return None
            now = self._other_catalogs(mark.since)
            has_others = any(new or rows != others.get(name) for name, rows, new in now)
            return None if has_others else (set(FOLLOWED), set(LISTED))
        pairs = {name: (after, mark.counts.get(name, (0, 0))) for name, after in self.counted.items()}
        written = {name for name, (after, before) in pairs.items() if after[0] != before[0]}
        deleted = {name for name, (after, before) in pairs.items() if after[1] != before[1]}
        alone = deleted & COMPANIONS and "pg_class" not in deleted
        return None if (written | deleted) - FOLLOWED or alone else (written, deleted)

    def _gone(self, known: Rows, rows: Rows, found: Mapping[str, Answer], deleted: set[str]) -> Rows:
        """Return the remembered rows that are there no more: of locked objects, if there are no others; or of all."""
        if "remaining_objects" in found:
            answer = found["remaining_objects"].fetchall()
            remaining = {name: (count, parse_keys(text)) for name, count, text in answer}
            gone = gone_locked_rows(known, rows, set(self.locked), remaining)
            if gone is not None:
                return gone
            found = self._written_rows(BOOTSTRAP, (), deleted, ["present_objects"], own=True)
        keys = found["present_objects"].fetchall()
        return gone_rows(known, {name: parse_keys(text) for name, text in keys if name in deleted})

    def dependents(self, objects: Iterable[tuple[str, int]]) -> list[tuple[str, int, int | None, int | None]]:
        """Return the objects whose definitions name these, as (catalog, number, table, type)."""
        pairs = list(objects)
        parameters = {"catalogs": [name for name, _ in pairs], "oids": [oid for _, oid in pairs]}
        return self.queries.named(["dependents"], parameters)["dependents"].fetchall()

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
        parameters: dict[str, Any] = {
            "since": str(since),
            "catalogs": list(catalogs),
            "deleted": list(deleted),
        }
        parameters["locked"] = self.locked
        return self.queries.named(names, parameters, some=own)

    def _other_catalogs(self, since: int) -> list[tuple[str, int, int]]:
        """Return name, rows and rows since then of the catalogs that are not followed."""
        text = " UNION ALL ".join(
            f"SELECT '{name}', count(*), count(*) FILTER (WHERE age(xmin) <= age({since}::text::xid)) FROM {name}"  # noqa: S608
            for name in sorted(self.catalogs.keys() - FOLLOWED)
        )
        return self.queries.ask(text).fetchall()


def _counts(answer: psycopg.Cursor[Any]) -> Counts:
    return {name: (written, deleted) for name, written, deleted in answer.fetchall()}
