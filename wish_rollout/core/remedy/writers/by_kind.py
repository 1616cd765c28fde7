"""Which writer is for which kind. A kind without one is not covered, but for its owner, privileges and comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.writers import (
    columns,
    constraints,
    defaults,
    enums,
    foreign_tables,
    indexes,
    routines,
    schemas,
    sequences,
    table_parts,
    tables,
    types,
    views,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft, Writer
    from wish_rollout.core.schema.snapshot import Key

WRITERS: Mapping[str, Writer] = {
    "schema": schemas.SCHEMA,
    "extension": schemas.EXTENSION,
    "base type": types.BASE,
    "enum": enums.WRITER,
    "composite type": types.COMPOSITE,
    "range type": types.RANGE,
    "domain": types.DOMAIN,
    "sequence": sequences.WRITER,
    "table": tables.WRITER,
    "foreign table": foreign_tables.WRITER,
    "column": columns.WRITER,
    "default": defaults.WRITER,
    "constraint": constraints.WRITER,
    "index": indexes.WRITER,
    "statistics": indexes.STATISTICS,
    "view": views.VIEW,
    "materialized view": views.MATERIALIZED,
    "function": routines.FUNCTION,
    "procedure": routines.PROCEDURE,
    "aggregate": routines.AGGREGATE,
    "trigger": table_parts.TRIGGER,
    "rule": table_parts.RULE,
    "policy": table_parts.POLICY,
    "event trigger": schemas.EVENT_TRIGGER,
    "publication": schemas.PUBLICATION,
}
UNTOUCHED = {
    "operator class": "an operator class comes and goes with a family that may not be named",
    "operator family": "an operator family comes and goes with classes that may not be named",
    "language": "only a superuser may have made a language, with functions in C",
    "transform": "a transform is made of functions in C",
    "subscription": "a subscription reaches out to another server",
}
"""Kinds that no statement is written for, whatever became of them, and why."""
LAST = 20
"""The rank of a kind without a writer."""
_WITHOUT_WRITER = frozenset({"owner", "privileges", "comment", "depends on extensions"})


def reason_not_created(draft: Draft, key: Key, *, added: bool) -> str:
    """Return why no statement creates an object, or, unless ``added``, changes it; empty where one does."""
    kind, name = key
    if kind in UNTOUCHED:
        return UNTOUCHED[kind]
    if not added or kind == "default privileges":
        return ""
    writer = WRITERS.get(kind)
    if writer is None:
        return f"how to create a {kind} is not covered"
    return writer.reason(draft, name) if writer.reason is not None else ""
