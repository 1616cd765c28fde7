"""Which statements are Alembic's or SQLAlchemy's own: recognized by their SQLAlchemy constructs, texts and callers."""

from __future__ import annotations

import re
import sys
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.pg_catalog import pg_catalog_meta
from sqlalchemy.sql import visitors

from wish_rollout.revisions.script_folder.calling_frames import is_module_of

LOOKS = {"wish_rollout_looks": True}
"""Execution options of what our helpers ask before they do something."""
AGAIN = {"wish_rollout_again": True}
"""Execution options of what they do that finds nothing left to do when it is done already."""


NAME = r'(?:"(?:[^"]|"")+"|\w+)(?:\.(?:"(?:[^"]|"")+"|\w+))?'
VALUE = r"'(?:[^']|'')*'"
VERSION_CHANGE = re.compile(
    rf"(?:INSERT) INTO {NAME} \(version_num\) VALUES \({VALUE}\)(?: RETURNING {NAME}\.version_num)?"
    rf"|(?:UPDATE) {NAME} SET version_num={VALUE} WHERE {NAME}\.version_num = {VALUE}"
    rf"|(?:DELETE) FROM {NAME} WHERE {NAME}\.version_num = {VALUE}"
)
VERSION_QUERY = re.compile(rf"SELECT {NAME}\.version_num\s+FROM {NAME}")
VERSION_TABLE = re.compile(rf"CREATE TABLE {NAME} \([^;]*\)")
"""The texts that Alembic sends (``alembic.runtime.migration.HeadMaintainer``): a script can build others."""
DIALECT = "sqlalchemy.dialects.postgresql"


def is_version_change(execution: Any, statement: str, version_table: sa.Table | None) -> bool:
    """Return whether Alembic writes to its version table, which it does at the end of each revision."""
    made_of = getattr(execution.compiled, "statement", None)
    is_change = isinstance(made_of, sa.sql.dml.UpdateBase) and made_of.table is version_table
    return is_change and VERSION_CHANGE.fullmatch(statement.strip()) is not None


def is_own(execution: Any, statement: str, version_table: sa.Table | None) -> bool:
    """Whether an execution keeps Alembic's version table, or is what the inspector or a helper of ours asks.

    ``statement``: the text that is sent. What a script writes to the version table itself, and what it asks the
    catalog itself, is the script's.
    """
    if execution.execution_options.keys() >= LOOKS.keys():
        return True
    if is_version_change(execution, statement, version_table):
        return True
    made_of = getattr(execution.compiled, "statement", None)
    if isinstance(made_of, sa.schema.CreateTable):
        return made_of.element is version_table and VERSION_TABLE.fullmatch(statement.strip()) is not None
    if not isinstance(made_of, sa.SelectBase):
        return False
    tables = [each for each in visitors.iterate(made_of) if isinstance(each, sa.Table)]
    if tables and all(each is version_table for each in tables):
        return VERSION_QUERY.fullmatch(statement.strip()) is not None
    is_catalog = bool(tables) and all(each.metadata is pg_catalog_meta for each in tables)
    return is_catalog and _is_sent_by_dialect()


def _is_sent_by_dialect() -> bool:
    """Return whether SQLAlchemy's dialect has called ``execute()``, as the inspector lets it do."""
    frame = sys._getframe(1)  # noqa: SLF001
    while frame.f_back:
        frame = frame.f_back
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(DIALECT):
            return is_module_of(frame, name)
        if not name.startswith(("sqlalchemy.", "wish_rollout.revisions.")):
            return False
    return False


class Owner(Protocol):
    """Knows which statements are Alembic's own."""

    @property
    def version_table(self) -> sa.Table | None:
        """Alembic's version table, once it is known."""

    def is_own(self, execution: sa.ExecutionContext, statement: str) -> bool:
        """Whether an execution of a text is Alembic's or SQLAlchemy's own, and neither env.py's nor a revision's."""
