"""Checks whether a relation can be used as Alembic's version table."""

from __future__ import annotations

from wish_rollout.core.errors.databases import VersionTableInvalid
from wish_rollout.core.errors.version_tables import VersionRowsHidden, VersionTablePrivilegeMissing


def refuse_unusable_version_table(table: str, database: str, role: str, found: str | None) -> None:
    """Raise what ``read_facts`` raises. ``found``: the kind of relation, the number of columns, and what prevents reading."""
    if found in ("r1h", "p1h"):
        raise VersionRowsHidden(table, database, role)
    if found in ("r1s", "p1s"):
        raise VersionTablePrivilegeMissing(table, database, role, "read")
    if found not in (None, "r1", "p1"):
        kind = RELATION_KINDS.get(found[0], "not a table")
        reason = f"is {kind}" if found[0] not in "rp" else "has no column version_num"
        raise VersionTableInvalid(table, database, reason)


RELATION_KINDS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}
