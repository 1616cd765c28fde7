"""Converts rows of the catalog queries to properties of snapshot objects.

A query names its columns after the properties. A column whose name begins with an underscore is not a property;
only the reader uses it. A value that is NULL, false or an empty list is not a property.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.snapshot import Key
from wish_rollout.postgres.catalog.privileges import non_default_privileges
from wish_rollout.postgres.expressions.definition_text import normalize_partition_bound, sort_assignments
from wish_rollout.postgres.expressions.expression_normalization import normalize_expression

if TYPE_CHECKING:
    from wish_rollout.postgres.catalog.read_context import ReadContext

Properties = dict[str, Any]
Objects = dict[Key, Properties]
Row = tuple[Any, ...]
Comments = Mapping[tuple[str, int], Mapping[int, str]]


def parse_options(items: Iterable[str] | None) -> dict[str, str] | None:
    """Return options such as ``{"a=1", "b=2"}`` as a mapping sorted by name. Their order has no meaning."""
    return dict(sorted(item.partition("=")[::2] for item in items)) if items else None


_SECRET = re.compile("pass|secret|token|key|credential", re.IGNORECASE)


def redact_options(items: Iterable[str] | None) -> dict[str, str] | None:
    """Return options as a mapping. The value of an option whose name suggests a secret is hidden."""
    options = parse_options(items)
    return options and {
        name: "(hidden)" if _SECRET.search(name) else value for name, value in options.items()
    }


# The spellings that parse_bool() (utils/adt/bool.c) accepts: unique prefixes of the words, and the digits.
_TRUE = ("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1")
_FALSE = ("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0")
_SPELLINGS = dict.fromkeys(_TRUE, "true") | dict.fromkeys(_FALSE, "false")
# The boolean parameters of access/common/reloptions.c, and vacuum_index_cleanup, which can also be "auto".
_BOOLEANS = frozenset(
    {
        "autosummarize",
        "autovacuum_enabled",
        "deduplicate_items",
        "fastupdate",
        "security_barrier",
        "security_invoker",
        "user_catalog_table",
        "vacuum_index_cleanup",
        "vacuum_truncate",
    }
)
_ENUMS = frozenset({"buffering", "check_option"})
_FRACTION = re.compile(r"(-?\d+)\.(?:0*|(\d*[1-9])0*)")


def parse_storage_parameters(items: Iterable[str] | None) -> dict[str, str] | None:
    """Return storage parameters as a mapping, with one spelling for each value."""
    parameters = parse_options(items)
    return parameters and {name: _normalize_value(name, value) for name, value in parameters.items()}


def _normalize_value(name: str, value: str) -> str:
    if name in _BOOLEANS:
        return _SPELLINGS.get(value.lower(), value)
    if name in _ENUMS:
        return value.lower()
    fraction = _FRACTION.fullmatch(value)
    return ".".join(filter(None, fraction.groups())) if fraction else value


def normalize_row_filters(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the tables of a publication with normalized row filters."""
    return {
        table: {**options, "where": normalize_expression(options["where"])} if "where" in options else options
        for table, options in tables.items()
    }


CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "storage parameters": parse_storage_parameters,
    "toast storage parameters": parse_storage_parameters,
    "initialization": sort_assignments,
    "partition bound": normalize_partition_bound,
    "SQL body": normalize_expression,
    "arguments": normalize_expression,
    "partition by": normalize_expression,
    "tables": normalize_row_filters,
    "expression": normalize_expression,
    "predicate": normalize_expression,
    "using": normalize_expression,
    "with check": normalize_expression,
    "generated": normalize_expression,
    "default": lambda value: normalize_expression(value) if isinstance(value, str) else value,
    "column options": parse_storage_parameters,
    "settings": parse_options,
    "parameters": parse_options,
    "options": redact_options,
    "mapping options": redact_options,
    "tags": sorted,
    "publications": sorted,
}


def row_properties(names: Iterable[str], cells: Iterable[Any]) -> Properties:
    """Return the properties that one row contains. ``names``: the column names of the query."""
    properties = {}
    for name, cell in zip(names, cells, strict=True):
        if cell is None or cell is False or cell == [] or name[0] == "_":
            continue
        properties[name] = CONVERTERS[name](cell) if name in CONVERTERS else cell
    return properties


class PropertyReader:
    """Converts the rows of one query to properties, and converts equal rows only once.

    A schema with many tables has many rows, but few different ones; most cells of a row are NULL.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.property_cells = itemgetter(*(index for index, name in enumerate(names) if name[0] != "_"))
        self.cache: dict[Any, Properties] = {}

    def __call__(self, cells: Row) -> Properties:
        """Return the properties of a row. The caller may change the returned mapping."""
        key = self.property_cells(cells)
        try:
            properties = self.cache.get(key)
        except TypeError:  # a cell is a list, which is not hashable
            return row_properties(self.names, cells)
        if properties is None:
            properties = self.cache[key] = row_properties(self.names, cells)
        return properties.copy()


def cell_getter(names: Sequence[str], *wanted: str) -> Callable[[Row], Any]:
    """Return a function that takes the named cells, at least two, out of a row."""
    return itemgetter(*map(names.index, wanted))


def add_owner_and_privileges(properties: Properties, row: Mapping[str, Any], context: ReadContext) -> None:
    """Add the owner, and the privileges that differ from the default, to an object's properties."""
    owner = row.get("_owner")
    if owner is not None:
        properties["owner"] = context.role(owner)
    if row.get("_acl") is not None:
        holder = context.roles.get(row.get("_holder", owner))
        privileges = non_default_privileges(row["_acl"], row["_acl_type"], holder, context)
        if privileges:
            properties["privileges"] = privileges
