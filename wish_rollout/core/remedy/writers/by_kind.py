"""Which writer is for which kind. A kind without one is not covered, but for its owner, privileges and comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.writers import (
    columns,
    constraints,
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

    from wish_rollout.core.remedy.draft import Writer

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
