"""What env.py leaves out of a comparison with the models: ``include_name`` and ``include_object`` of ``configure()``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.releases import ScriptFailed
from wish_rollout.core.schema.names import parent_object, schema_of, split_last
from wish_rollout.core.text.exception_text import describe_exception
from wish_rollout.core.text.sql_tokens import unquote_identifier
from wish_rollout.revisions.runs.script_runs import ALEMBIC, FixedConnectionContext, run_env
from wish_rollout.revisions.sessions.shared_session import share_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wish_rollout.core.schema.snapshot import Key, Snapshot
    from wish_rollout.revisions.runs.run_parameters import ScriptRun

PART_TYPES = {"column": "column", "index": "index"}
CONSTRAINT_TYPES = {"unique": "unique_constraint", "foreign key": "foreign_key_constraint"}
"""Alembic's names of what its filters get. Other constraints are compared with their table."""


def left_out(run: ScriptRun, metadata: sa.MetaData, scripted: Snapshot, declared: Snapshot) -> set[Key]:
    """Return the objects of both schemas that the filters of env.py leave out of Alembic's autogenerate.

    ``run``: on a scratch database, in which nothing is changed. Raises ScriptFailed if a filter raises, and what
    running env.py raises.
    """
    found: set[Key] = set()

    def ask(context: Any) -> None:
        found.update(_Filters(AutogenContext(context, metadata), metadata, scripted, declared).excluded())

    execute_env(run, ask)
    return found


def execute_env(run: ScriptRun, use: Callable[[Any], None] = lambda _: None) -> None:
    """Execute env.py without scripts; it imports the modules that declare the models. Raises as ``left_out``.

    ``use`` is called with Alembic's MigrationContext.
    """

    def ask(_rev: Any, context: Any) -> list[Any]:
        use(context)
        return []

    with ALEMBIC, share_session(run.connection, run.search_path) as session:
        try:
            run_env(FixedConnectionContext(run, session, fn=ask, as_sql=False, dont_mutate=True))
        except RolloutError:
            raise
        except Exception as error:  # a filter is a function of the project
            reason = describe_exception(error)
            raise ScriptFailed("(autogenerate)", reason, "Nothing was changed.") from error


@dataclass(frozen=True)
class _Filters:
    """The filters of one run of env.py, and what they are asked about."""

    context: AutogenContext
    metadata: sa.MetaData
    scripted: Snapshot
    declared: Snapshot

    def excluded(self) -> set[Key]:
        """Return the schemas, tables and parts that a filter excludes, with all that belongs to them."""
        objects = {**self.declared.objects, **self.scripted.objects}
        schemas = {schema_of(name) for _, name in self.scripted.objects}
        outside = {schema for schema in schemas if not self._includes_schema(schema)}
        found = {key for key in objects if schema_of(key[1]) in outside}
        found |= {
            ("table", name) for kind, name in objects if kind == "table" and not self._includes_table(name)
        }
        for (kind, name), properties in objects.items():
            parent = parent_object(kind, name, properties)
            if parent and (("table", parent) in found or not self._includes_part(kind, name, parent)):
                found.add((kind, name))
        return found | {key for key, each in objects.items() if self._is_orphaned(key, each, found)}

    def _includes_schema(self, name: str) -> bool:
        """Alembic asks the filter for the default schema, and for others if env.py sets include_schemas."""
        schema = self._without_default(unquote_identifier(name))
        if schema is not None and not self.context.opts.get("include_schemas", False):
            return True
        return self.context.run_name_filters(schema, "schema", {})

    def _includes_table(self, name: str) -> bool:
        schema, own = self._split(name)
        key = "table", name
        return self._includes(key, "table", own, self._table(name, key), {"schema_name": schema})

    def _includes_part(self, kind: str, name: str, parent: str) -> bool:
        properties = self.scripted.objects.get((kind, name)) or self.declared.objects[kind, name]
        of_alembic = PART_TYPES.get(kind) or CONSTRAINT_TYPES.get(str(properties.get("type")))
        if of_alembic is None:
            return True
        schema, table = self._split(parent)
        own = unquote_identifier(split_last(name)[1])
        item = self._part(of_alembic, own, self._table(parent, (kind, name)), properties)
        parents = {"schema_name": schema, "table_name": table}
        return self._includes((kind, name), of_alembic, own, item, parents)

    def _includes(self, key: Key, kind: Any, own: str, item: Any, parents: Any) -> bool:
        exists = key in self.scripted.objects
        if exists and not self.context.run_name_filters(own, kind, parents):
            return False
        is_reflected = key not in self.declared.objects
        return self.context.run_object_filters(
            item, own, kind, is_reflected, None if is_reflected or not exists else item
        )

    def _is_orphaned(self, key: Key, properties: Mapping[str, Any], found: set[Key]) -> bool:
        """Whether a sequence or a type belongs only to columns that are left out."""
        kind, name = key
        if kind == "sequence":
            return ("column", properties.get("owned by")) in found
        if kind not in ("enum", "domain"):
            return False
        return bool(users := self._users.get(name, set())) and users <= found

    @cached_property
    def _users(self) -> dict[str, set[Key]]:
        """Type → the columns of it and of arrays of it."""
        found: dict[str, set[Key]] = {}
        for snapshot in (self.scripted, self.declared):
            for name, properties in snapshot.of_kind("column"):
                found.setdefault(str(properties.get("type")).removesuffix("[]"), set()).add(("column", name))
        return found

    def _split(self, name: str) -> tuple[str | None, str]:
        """Return schema and name of a relation as Alembic has them: without the default schema."""
        schema, own = (unquote_identifier(part) for part in split_last(name))
        return self._without_default(schema), own

    def _without_default(self, schema: str) -> str | None:
        default = self.context.dialect.default_schema_name if self.context.dialect else None
        return None if schema == default else schema

    def _table(self, name: str, key: Key) -> sa.Table:
        """Return the declared table; for an object that only the scripts create, a table as it is reflected there."""
        schema, own = self._split(name)
        full = ".".join(unquote_identifier(part) for part in split_last(name))
        known = self.metadata.tables.get(full)
        if known is None and schema is None:
            known = self.metadata.tables.get(own)
        if known is not None and key in self.declared.objects:
            return known
        columns: list[sa.Column[Any]] = [
            sa.Column(unquote_identifier(split_last(each)[1]))
            for each, _ in self.scripted.of_kind("column")
            if split_last(each)[0] == name
        ]
        return sa.Table(own, sa.MetaData(), *columns, schema=schema)

    @staticmethod
    def _part(kind: str, own: str, table: sa.Table, properties: Mapping[str, Any]) -> Any:
        """Return the declared part of a table, or one with its name and columns."""
        if kind == "column":
            known = table.columns.get(own)
            return sa.Column(own) if known is None else known
        parts: Any = table.indexes if kind == "index" else table.constraints
        if known := next((each for each in parts if each.name == own), None):
            return known
        table = table.to_metadata(sa.MetaData())  # nothing is added to the declared one
        names = [
            unquote_identifier(str(each))
            for each in properties.get("columns") or properties.get("keys") or ()
        ]
        names = [each for each in names if each in table.columns]
        if kind == "index":
            return sa.Index(own, *(table.columns[each] for each in names), _table=table)
        part: sa.Constraint
        if kind == "foreign_key_constraint":
            targets = [f"{properties.get('references')}.{each}" for each in properties["referenced columns"]]
            part = sa.ForeignKeyConstraint(names, targets[: len(names)], name=own)
        else:
            part = sa.UniqueConstraint(*names, name=own)
        table.append_constraint(part)
        return part
