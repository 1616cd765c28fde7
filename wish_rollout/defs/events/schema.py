"""Metadata that describes a schema: its columns by table, and the names of its other objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.defs.events.limits import limited_items, limited_mapping, limited_names, markdown

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from wish_rollout.core.schema.snapshot import Snapshot

MAX_COLUMN_BYTES = 60_000
"""Size of the columns in an event. One column has about 300 bytes there."""
COLUMN_BYTES = 260
"""Size of a column in Dagster's form, without its texts."""


def snapshot_metadata(snapshot: Snapshot, changed: Set[str] = frozenset(), see: str = "") -> dict[str, Any]:
    """Return the metadata of a schema.

    ``changed``: names of the tables that were changed, whose columns are shown first in a schema that is too large
    to be shown in full. ``see``: the command that shows all of it.
    """
    columns = columns_by_table(snapshot, changed)
    kept, left = limited_items(
        columns, MAX_COLUMN_BYTES, lambda each: COLUMN_BYTES + sum(map(len, _texts(each)))
    )
    metadata: dict[str, Any] = {"dagster/column_schema": dg.TableSchema(columns=kept)}
    if left:
        metadata["columns not shown"] = (
            f"{left:,} of {len(columns):,}; all of them: {see or 'wish-rollout snapshot'}"
        )
    return {
        **metadata,
        "objects": object_counts(snapshot),
        "columns by table": markdown(tables_markdown(snapshot, changed), see),
        "tables": limited_names(names(snapshot, "table")),
        "indexes": limited_names(names(snapshot, "index")),
        "constraints": limited_names(names(snapshot, "constraint")),
        "enums": limited_mapping(
            {name: list(properties["labels"]) for name, properties in snapshot.of_kind("enum")}
        ),
    }


def names(snapshot: Snapshot, kind: str) -> list[str]:
    """Return the names of a snapshot's objects of one kind."""
    return [name for name, _ in snapshot.of_kind(kind)]


def object_counts(snapshot: Snapshot) -> dict[str, int]:
    """Return the number of objects of each kind."""
    counts: dict[str, int] = {}
    for kind, _ in snapshot.objects:
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def columns_by_table(snapshot: Snapshot, changed: Set[str] = frozenset()) -> list[dg.TableColumn]:
    """Return the columns of all tables, named ``table.column``: by table, the changed ones first, in each table's order."""

    def order(item: tuple[str, Mapping[str, Any]]) -> tuple[bool, str, int]:
        table = split_last(item[0])[0]
        return table not in changed, table, int(item[1]["position"])

    return [column(name, properties) for name, properties in sorted(snapshot.of_kind("column"), key=order)]


def column(name: str, properties: Mapping[str, Any]) -> dg.TableColumn:
    """Return one column in the form that Dagster's UI shows: its comment, then its default."""
    default, comment = properties.get("default"), properties.get("comment")
    parts = [escape_to_one_line(str(comment))] if comment else []
    parts += [f"default {default}"] if default is not None else []
    return dg.TableColumn(
        name=name,
        type=str(properties["type"]),
        description="; ".join(parts) or None,
        constraints=dg.TableColumnConstraints(nullable=not properties.get("not null", False)),
    )


def tables_markdown(snapshot: Snapshot, changed: Set[str] = frozenset()) -> str:
    """Return one heading and one table of columns for each table of a schema, the changed ones first."""
    by_table: dict[str, list[dg.TableColumn]] = {name: [] for name in names(snapshot, "table")}
    for each in columns_by_table(snapshot):
        by_table.setdefault(split_last(each.name)[0], []).append(each)
    comments = {name: properties.get("comment") for name, properties in snapshot.of_kind("table")}
    parts = []
    for name in sorted(by_table, key=lambda name: (name not in changed, name)):
        comment = comments.get(name)
        title = f"**{_cell(name)}**{f': {_cell(str(comment))}' if comment else ''}"
        rows = [
            f"| {_cell(split_last(each.name)[1])} | {_cell(each.type)} | "
            f"{'yes' if each.constraints.nullable else 'no'} | {_cell(each.description or '')} |"
            for each in by_table[name]
        ]
        parts.append(
            "\n".join([title, "", "| column | type | null | comment, default |", "|---|---|---|---|", *rows])
        )
    return "\n\n".join(parts) or "no table"


def _texts(each: dg.TableColumn) -> tuple[str, str, str]:
    return each.name, each.type, each.description or ""


def _cell(text: str) -> str:
    return escape_to_one_line(text).replace("|", "&#124;").replace("`", "")
