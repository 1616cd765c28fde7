"""Which writer is for which kind. A kind without one is not covered, but for its owner, privileges and comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.parts import DEFINITION, QUERY
from wish_rollout.core.remedy.server_versions import reason_unknown
from wish_rollout.core.remedy.writers import (
    foreign_servers,
    operators,
    routines,
    schemas,
    sequences,
    subscriptions,
    text_search,
)
from wish_rollout.core.remedy.writers.columns import alteration, defaults, limits
from wish_rollout.core.remedy.writers.data_types import base_types, enums, row_type_limits, types
from wish_rollout.core.remedy.writers.relations import (
    constraints,
    foreign_tables,
    indexes,
    table_parents,
    table_parts,
    tables,
    views,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs, Writer
    from wish_rollout.core.schema.snapshot import Key

WRITERS: Mapping[str, Writer] = {
    "schema": schemas.SCHEMA,
    "extension": schemas.EXTENSION,
    "base type": base_types.SHELL,
    DEFINITION: base_types.DEFINED,
    "enum": enums.WRITER,
    "composite type": types.COMPOSITE,
    "range type": types.RANGE,
    "domain": types.DOMAIN,
    "sequence": sequences.WRITER,
    "table": tables.WRITER,
    "foreign table": foreign_tables.WRITER,
    "column": alteration.WRITER,
    "default": defaults.WRITER,
    "constraint": constraints.WRITER,
    "index": indexes.WRITER,
    "statistics": indexes.STATISTICS,
    "view": views.VIEW,
    QUERY: views.OF_VIEW,
    "materialized view": views.MATERIALIZED,
    "function": routines.FUNCTION,
    "procedure": routines.PROCEDURE,
    "aggregate": routines.AGGREGATE,
    "trigger": table_parts.TRIGGER,
    "rule": table_parts.RULE,
    "policy": table_parts.POLICY,
    "event trigger": schemas.EVENT_TRIGGER,
    "publication": schemas.PUBLICATION,
    "foreign data wrapper": foreign_servers.WRAPPER,
    "server": foreign_servers.SERVER,
    "user mapping": foreign_servers.MAPPING,
    "operator": operators.OPERATOR,
    "operator family": operators.FAMILY,
    "operator class": operators.CLASS,
    "cast": operators.CAST,
    "transform": operators.TRANSFORM,
    "access method": operators.ACCESS_METHOD,
    "text search parser": text_search.PARSER,
    "text search template": text_search.TEMPLATE,
    "text search dictionary": text_search.DICTIONARY,
    "text search configuration": text_search.CONFIGURATION,
    "collation": text_search.COLLATION,
    "conversion": text_search.CONVERSION,
    "language": text_search.LANGUAGE,
    "subscription": subscriptions.WRITER,
}
LAST = 20
"""The rank of a kind without a writer."""


def reason_kept(draft: Draft, key: Key, pairs: Pairs) -> str:
    """Return why an object cannot be changed like that; empty where it can."""
    kind, name = key
    if reason := reason_unknown(draft, key) or row_type_limits.reason_kept(draft, key, pairs):
        return reason
    if kind == "column":
        return limits.reason_kept(draft, name, pairs)
    if kind == "table":
        return table_parents.reason_kept(draft, name, pairs)
    if kind == "subscription":
        return subscriptions.reason_kept(draft, name, pairs)
    return base_types.reason_kept(draft, key)


def reason_not_created(draft: Draft, key: Key) -> str:
    """Return why no statement creates an object; empty where one does."""
    kind, name = key
    if reason := reason_unknown(draft, key):
        return reason
    if kind == "default privileges":
        return ""
    if kind == "column":
        return row_type_limits.reason_not_added(draft, name)
    writer = WRITERS.get(kind)
    if writer is None:
        return f"how to create a {kind} is not covered"
    return writer.reason(draft, name) if writer.reason is not None else ""
