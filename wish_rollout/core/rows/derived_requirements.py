"""Derivation of the requirements of a new schema for existing rows, from two snapshots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.hazards.rename_tracking import with_renames
from wish_rollout.core.hazards.rules.type_change import only_wider
from wish_rollout.core.rows.requirements import (
    CheckRequirement,
    EnumRequirement,
    ExclusionRequirement,
    ForeignKeyRequirement,
    NotNullRequirement,
    Requirement,
    RowSource,
    TypeRequirement,
    UniqueRequirement,
)
from wish_rollout.core.rows.row_sources import RowSources
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.domains import (
    base_type,
    domain_chain,
    domain_checks,
    domain_columns,
    forbids_null,
    substitute_value,
)
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import index_key_expression

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.snapshot import Snapshot

VALUE_PROPERTIES = frozenset({"default", "identity", "generated"})
"""Properties that give a new column a value in existing rows."""
NO_RENAMES: Mapping[tuple[str, str], str] = {}


def derive_requirements(
    before: Snapshot, after: Snapshot, renamed: Mapping[tuple[str, str], str] = NO_RENAMES
) -> tuple[Requirement, ...]:
    """Return the requirements for existing rows when the schema changes from ``before`` to ``after``.

    ``renamed``: the renames of the release, (kind, old name) → new name. A requirement has the new names of
    tables and columns; its source has the current ones.
    """
    moved = with_renames(before, renamed)
    delta = difference(moved, after)
    sources = RowSources(moved, after, renamed, delta)
    derivation = _Derivation(moved, after)
    found = [requirement for change in delta.changes for requirement in derivation.of(change)]
    return tuple(_with_source(requirement, sources) for requirement in dict.fromkeys(found))


def _with_source(requirement: Requirement, sources: RowSources) -> Requirement:
    """Return a requirement with the current source of its rows."""
    texts = [getattr(requirement, name, "") for name in ("expression", "predicate")]
    source = sources.of(requirement.table, (*requirement.columns, *texts))
    placed = replace(requirement, source=source)
    if isinstance(placed, ForeignKeyRequirement) and placed.references:
        referenced = sources.of(placed.references.table, placed.referenced)
        return replace(placed, references=referenced or placed.references)
    return placed


class _Derivation:
    """Derives requirements from changes; ``before`` has the new names."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        self.before = before
        self.after = after

    def of(self, change: Change) -> Iterator[Requirement]:
        """Yield the requirements of one change."""
        if change.kind == "column":
            yield from self._of_column(change)
        elif change.kind == "constraint" and change.change in ("added", "changed"):
            yield from self._of_constraint(change)
        elif change.kind == "index" and change.change == "added":
            yield from self._of_index(change)
        elif change.kind == "enum" and change.change == "changed":
            yield from self._of_enum(change)
        elif change.kind == "domain" and change.properties.get("not null", (None, None))[1]:
            for table, column in domain_columns(self.before, change.name):
                yield NotNullRequirement(table, (column,))

    def _exists(self, table: str) -> bool:
        return ("table", table) in self.before.objects

    def _of_column(self, change: Change) -> Iterator[Requirement]:
        table, column = split_last(change.name)
        if not self._exists(table) or change.change not in ("added", "changed"):
            return
        properties = self.after.objects["column", change.name]
        type_name = str(properties["type"])
        if change.change == "added":
            has_value = properties.keys() & VALUE_PROPERTIES or any(
                "default" in domain for _, domain in domain_chain(self.after, type_name)
            )
            if (properties.get("not null") or forbids_null(self.after, type_name)) and not has_value:
                yield NotNullRequirement(table, (column,), is_new_column=True)
            return
        old, new = change.properties.get("type", (None, None))
        if old and new:
            yield from self._of_type(table, column, str(old), str(new))
        if change.properties.get("not null", (None, None))[1]:
            yield NotNullRequirement(table, (column,))

    def _of_type(self, table: str, column: str, old: str, new: str) -> Iterator[Requirement]:
        old_base, new_base = base_type(self.before, old), base_type(self.after, new)
        converted = None
        if old_base != new_base and not only_wider(old_base, new_base):
            converted = TypeRequirement(table, (column,), old_base, new_base)
        enum = _find_enum(self.after, new_base)
        if converted and enum:
            labels = tuple(self.after.objects["enum", enum]["labels"])
            yield EnumRequirement(table, (column,), enum, labels)
        elif converted:
            yield converted
        value = f"({column}::text::{new_base})" if converted else column
        known = set(domain_checks(self.before, old))
        for name, expression in domain_checks(self.after, new):
            if (name, expression) not in known and not enum:
                checked = substitute_value(expression, value)
                yield CheckRequirement(table, (column,), name, checked, converted)
        if forbids_null(self.after, new) and not forbids_null(self.before, old):
            yield NotNullRequirement(table, (column,))

    def _of_constraint(self, change: Change) -> Iterator[Requirement]:
        owner, name = split_last(change.name)
        properties: Mapping[str, Any] = self.after.objects["constraint", change.name]
        is_checked = change.change == "added" or change.properties.keys() & {"not valid", "expression"}
        if not is_checked or properties.keys() & {"not valid", "not enforced"}:
            return
        if ("domain", owner) in self.before.objects:
            for table, column in domain_columns(self.before, owner):
                expression = substitute_value(properties["expression"], column)
                yield CheckRequirement(table, (column,), name, expression)
        if self._exists(owner):
            yield from self._of_table_constraint(owner, name, properties)

    def _of_table_constraint(
        self, table: str, name: str, properties: Mapping[str, Any]
    ) -> Iterator[Requirement]:
        columns = tuple(properties.get("columns", ()))
        kind = properties["type"]
        if kind == "check":
            yield CheckRequirement(table, (), name, properties["expression"])
        elif kind == "foreign key":
            references = properties["references"]
            source = RowSource(references) if self._exists(references) else None
            referenced, match_full = (
                tuple(properties["referenced columns"]),
                properties.get("match") == "full",
            )
            yield ForeignKeyRequirement(table, columns, name, source, referenced, match_full)
        elif kind in ("unique", "primary key"):
            yield UniqueRequirement(table, columns, name, bool(properties.get("nulls not distinct")))
        elif kind == "exclusion":
            predicate = str(properties.get("predicate") or "")
            keys = tuple(map(index_key_expression, properties.get("keys", columns)))
            yield ExclusionRequirement(table, keys, name, tuple(properties["operators"]), predicate)

    def _of_index(self, change: Change) -> Iterator[Requirement]:
        properties = {name: pair[1] for name, pair in change.properties.items()}
        table = str(properties.get("table"))
        if properties.get("unique") and self._exists(table):
            name, predicate = split_last(change.name)[1], str(properties.get("predicate") or "")
            keys = tuple(map(index_key_expression, properties["keys"] or ()))
            nulls_not_distinct = bool(properties.get("nulls not distinct"))
            yield UniqueRequirement(table, keys, name, nulls_not_distinct, predicate)

    def _of_enum(self, change: Change) -> Iterator[Requirement]:
        old, new = change.properties.get("labels", ((), ()))
        if not set(old or ()) - set(new or ()) - set(change.labels):
            return
        for name, properties in self.before.of_kind("column"):
            if properties["type"] in (change.name, split_last(change.name)[1]):
                table, column = split_last(name)
                yield EnumRequirement(table, (column,), change.name, tuple(new))


def _find_enum(snapshot: Snapshot, type_name: str) -> str:
    """Return the name of the enum that a column's type denotes, with or without schema; or ""."""
    names = [name for name, _ in snapshot.of_kind("enum")]
    return next((name for name in names if type_name in (name, split_last(name)[1])), "")
