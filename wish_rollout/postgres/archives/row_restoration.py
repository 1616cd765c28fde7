"""Putting archived rows and values back into their tables.

Nothing that is there is overwritten: a row whose key or unique value exists, or whose referenced row is missing, stays in
the archive, and so does a value of a row that is gone or was written since. Triggers of the table do not fire; foreign keys,
constraints, generated columns and privileges of the role apply as for any INSERT and UPDATE.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.archive.archive import ArchivedObject
from wish_rollout.postgres.archives.archive_store import archived, drop_contents, revoke_all
from wish_rollout.postgres.archives.restore_conditions import RestoreConditions
from wish_rollout.postgres.archives.row_checksums import checksum_expression, count_and_checksum
from wish_rollout.postgres.archives.row_copies import archive_checksum
from wish_rollout.postgres.archives.row_security import row_security_not_forced
from wish_rollout.postgres.archives.sequence_values import advance_past_rows
from wish_rollout.postgres.archives.table_description import TableDescription, describe_table
from wish_rollout.postgres.archives.trigger_states import triggers_disabled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

CONFLICT = "rows whose key or unique value exists, or whose referenced row does not"
NOT_WRITABLE = "values of rows that are gone or were written since, or that would conflict with others"
LISTED = 100
"""So many keys of rows that stay in the archive are listed."""


@dataclass(frozen=True, slots=True)
class RestoredObject:
    """What became of one archived object.

    ``rows``: restored. ``left``: what stays in the archive. ``keys``: the keys of the first LISTED rows of that; they are
    data, and shown to the person who restores only. ``why``: why something stays; empty if nothing does. ``proven``:
    whether the restored rows have the checksum of the archived ones.
    """

    object: ArchivedObject
    rows: int
    left: tuple[ArchivedObject, ...] = ()
    keys: tuple[str, ...] = ()
    why: str = ""
    proven: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return what ``restore --json`` shows."""
        return {
            "object": str(self.object.loss),
            "restored": self.rows,
            "left": sum(each.rows or 0 for each in self.left),
            "keys": list(self.keys),
            "why": self.why,
        }


class Restorer:
    """Restores one archived object in the current transaction. Call it with the settings of ``plain_text_settings``.

    ``relation``: the name of a new archive table for rows that cannot be restored.
    """

    def __init__(self, connection: psycopg.Connection[Any], kept: ArchivedObject, relation: str) -> None:
        self.connection = connection
        self.kept = kept
        self.relation = relation
        self.source = archived(kept.relation)
        stored = describe_table(connection, self.source)
        assert stored is not None
        self.stored = stored

    def restore(self) -> RestoredObject:
        """Restore what can be restored; the rest is in a new archive table. Raises psycopg's errors."""
        target = describe_table(self.connection, self.kept.table)
        if target is None:
            return RestoredObject(self.kept, 0, (self.kept,), why=f"there is no table {self.kept.table}")
        missing = [name for name in self.kept.stored_columns if name not in target.columns]
        present = [name for name in self.kept.stored_columns if name not in missing]
        if missing and (self.kept.kind != "table" or not target.key_without(frozenset(missing))):
            why = f"{self.kept.table} has no column {', '.join(missing)}"
            return RestoredObject(self.kept, 0, (self.kept,), why=why)
        self.connection.execute(f"lock table {self.kept.table} in share row exclusive mode".encode())
        with (
            row_security_not_forced(self.connection, [self.kept.table]),
            triggers_disabled(self.connection, self.kept.table),
        ):
            result = self._insert(target, present) if self.kept.kind == "table" else self._update(target)
        left = (*result.left, *self._left_columns(target, missing))
        drop_contents(self.connection, [self.kept.relation])
        why = result.why or (f"{self.kept.table} has no column {', '.join(missing)}" if missing else "")
        return replace(result, left=left, why=why)

    def _insert(self, target: TableDescription, columns: Sequence[str]) -> RestoredObject:
        on = RestoreConditions(self.kept, self.stored, target)
        stays = " or ".join(on.conflicts(columns)) if self._may_conflict(target) else ""
        left, keys = self._set_aside(stays, target.unique_keys[0] if target.unique_keys else ())
        insertable = [name for name in columns if not target.columns[name].generated]
        values = ", ".join(on.cast(name) for name in insertable)
        names = ", ".join(insertable)
        condition = f"where not ({stays})" if left else ""
        expected = count_and_checksum(self.connection, f"{self.source} as a {condition}", insertable)
        query = f"""
            with restored as (
                insert into {self.kept.table} as t ({names}) overriding system value
                select {values} from {self.source} as a {condition} returning {names}
            ) select count(*), {checksum_expression(insertable, "restored")} from restored"""
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        advance_past_rows(self.connection, self.kept.table)
        proven = tuple(row) == expected
        return RestoredObject(self.kept, row[0], left, keys, CONFLICT if left else "", proven)

    def _update(self, target: TableDescription) -> RestoredObject:
        """Put values back into the rows with the same keys, where nothing was written since."""
        column, on = self.kept.columns[0], RestoreConditions(self.kept, self.stored, target)
        same = " and ".join(f"t.{name} = {on.cast(name)}" for name in self.kept.key)
        conflicts = list(on.conflicts([column], of_update=True))
        unwritten = f"exists (select from {self.kept.table} as t where {same} and ({on.unwritten()}))"
        stays = " or ".join([f"not {unwritten}", *conflicts])
        left, keys = self._set_aside(stays, self.kept.key)
        condition = f"not ({stays})" if left else "true"
        query = f"""
            with restored as (
                update {self.kept.table} as t set {column} = {on.cast(column)}
                from {self.source} as a where {same} and {condition} returning a.*, t.{column} as wish_rollout_restored
            ) select count(*), count(*) filter (where wish_rollout_restored::text is distinct from
                                                      ({on.cast(column, "restored")})::text) from restored"""
        row = self.connection.execute(query.encode()).fetchone()
        assert row is not None
        expected = (self.kept.rows or 0) - sum(each.rows or 0 for each in left)
        proven = row[1] == 0 and row[0] == expected
        return RestoredObject(self.kept, row[0], left, keys, NOT_WRITABLE if left else "", proven)

    def _may_conflict(self, target: TableDescription) -> bool:
        """Return whether a row of the archive may conflict: with rows of the table, or for want of a referenced row."""
        only = "only " if target.has_children else ""
        row = self.connection.execute(
            f"select exists (select from {only}{self.kept.table})".encode()
        ).fetchone()
        return bool(row and row[0]) or any(not key.to_itself for key in target.foreign_keys)

    def _set_aside(
        self, stays: str, key: Sequence[str]
    ) -> tuple[tuple[ArchivedObject, ...], tuple[str, ...]]:
        """Copy the rows that cannot be restored into a new archive table; return it, and their first keys."""
        if not stays:
            return (), ()
        relation = archived(self.relation)
        query = f"create table {relation} as select a.* from {self.source} as a where {stays}"
        rows = self.connection.execute(query.encode()).rowcount
        if not rows:
            drop_contents(self.connection, [self.relation])
            return (), ()
        revoke_all(self.connection, self.relation)
        named = ", ".join(f"a.{name}" for name in key if name in self.stored.columns)
        texts = f"select concat_ws(', ', {named or 'a.*'}) from {relation} as a order by 1 limit {LISTED}"
        keys = tuple(row[0] for row in self.connection.execute(texts.encode()))
        return (self._rest(self.relation, rows),), keys

    def _rest(self, relation: str, rows: int) -> ArchivedObject:
        _, checksum = archive_checksum(self.connection, relation, self.kept.stored_columns)
        return replace(self.kept, relation=relation, rows=rows, checksum=checksum, moved=False)

    def _left_columns(self, target: TableDescription, missing: Sequence[str]) -> Iterator[ArchivedObject]:
        """Keep the values of columns that the table does not have, with the keys of their rows."""
        key = target.key_without(frozenset(missing)) if missing else ()
        for place, name in enumerate(missing, start=1):
            relation = f"{self.relation}c{place}"
            query = (
                f"create table {archived(relation)} as select {', '.join(key)}, {name} from {self.source} "
                f"where num_nonnulls({name}) > 0"
            )
            rows = self.connection.execute(query.encode()).rowcount
            if not rows:
                drop_contents(self.connection, [relation])
                continue
            revoke_all(self.connection, relation)
            _, checksum = archive_checksum(self.connection, relation, (*key, name))
            kind = self.stored.columns[name].type
            yield ArchivedObject(
                "column", self.kept.table, relation, (name,), key, type=kind, rows=rows, checksum=checksum
            )
