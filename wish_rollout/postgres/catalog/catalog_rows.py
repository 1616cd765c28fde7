"""From rows of the catalog to objects of a snapshot.

A query names its columns as the properties are called; an underscore in front means: for the reader only.
What is NULL, false or empty is no property.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.snapshot import Key
from wish_rollout.postgres.catalog.privileges import privileges
from wish_rollout.postgres.expressions.definition_text import listed, partition_bound
from wish_rollout.postgres.expressions.expression_normalization import normalize_expression

if TYPE_CHECKING:
    from wish_rollout.postgres.catalog.read_context import ReadContext

Properties = dict[str, Any]
Objects = dict[Key, Properties]
Row = tuple[Any, ...]
Comments = Mapping[tuple[str, int], Mapping[int, str]]


def options(items: Iterable[str] | None) -> dict[str, str] | None:
    """Give ``{"a=1", "b=2"}`` as a mapping, sorted: their order is history."""
    return dict(sorted(item.partition("=")[::2] for item in items)) if items else None


_SECRET = re.compile("pass|secret|token|key|credential", re.IGNORECASE)


def open_options(items: Iterable[str] | None) -> dict[str, str] | None:
    """Give options as a mapping, without the values of those that may be secret."""
    found = options(items)
    return found and {name: "(hidden)" if _SECRET.search(name) else value for name, value in found.items()}


# As parse_bool (utils/adt/bool.c) takes them: what begins a word and no word of the other sense, and the digits.
_TRUE = ("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1")
_FALSE = ("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0")
_SPELLINGS = dict.fromkeys(_TRUE, "true") | dict.fromkeys(_FALSE, "false")
# Those of access/common/reloptions.c that are switches, and one that can say "auto" too. Others take numbers.
_SWITCHES = frozenset(
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
_WORDS = frozenset({"buffering", "check_option"})
_FRACTION = re.compile(r"(-?\d+)\.(?:0*|(\d*[1-9])0*)")


def parameters(items: Iterable[str] | None) -> dict[str, str] | None:
    """Give storage parameters as a mapping, in one of the spellings that they can have."""
    found = options(items)
    return found and {name: _in_one_spelling(name, value) for name, value in found.items()}


def _in_one_spelling(name: str, value: str) -> str:
    if name in _SWITCHES:
        return _SPELLINGS.get(value.lower(), value)
    if name in _WORDS:
        return value.lower()
    fraction = _FRACTION.fullmatch(value)
    return ".".join(filter(None, fraction.groups())) if fraction else value


def published(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Give the tables of a publication with their row filters settled."""
    return {
        table: {**what, "where": normalize_expression(what["where"])} if "where" in what else what
        for table, what in tables.items()
    }


CONVERT: dict[str, Callable[[Any], Any]] = {
    "storage parameters": parameters,
    "toast storage parameters": parameters,
    "initialization": listed,
    "partition bound": partition_bound,
    "SQL body": normalize_expression,
    "arguments": normalize_expression,
    "partition by": normalize_expression,
    "tables": published,
    "expression": normalize_expression,
    "predicate": normalize_expression,
    "using": normalize_expression,
    "with check": normalize_expression,
    "generated": normalize_expression,
    "default": lambda value: normalize_expression(value) if isinstance(value, str) else value,
    "column options": parameters,
    "settings": options,
    "parameters": options,
    "options": open_options,
    "mapping options": open_options,
    "tags": sorted,
    "publications": sorted,
}


def plain(names: Iterable[str], cells: Iterable[Any]) -> Properties:
    """Give the properties that one row tells by itself."""
    properties = {}
    for name, cell in zip(names, cells, strict=True):
        if cell is None or cell is False or cell == [] or name[0] == "_":
            continue
        properties[name] = CONVERT[name](cell) if name in CONVERT else cell
    return properties


class PropertyReader:
    """Gives the properties that rows of one query tell by themselves, and works out rows that are alike once.

    A schema of many tables has many rows and few kinds of them; most of a row is NULL.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.told = itemgetter(*(place for place, name in enumerate(names) if name[0] != "_"))
        self.known: dict[Any, Properties] = {}

    def __call__(self, cells: Row) -> Properties:
        """Give the properties of a row, in a mapping that is the caller's."""
        key = self.told(cells)
        try:
            found = self.known.get(key)
        except TypeError:  # there is a list in it
            return plain(self.names, cells)
        if found is None:
            found = self.known[key] = plain(self.names, cells)
        return found.copy()


def cells_of(names: Sequence[str], *wanted: str) -> Callable[[Row], Any]:
    """Give a function that takes the named cells out of a row; two names at the least."""
    return itemgetter(*map(names.index, wanted))


def owned(properties: Properties, row: Mapping[str, Any], frame: ReadContext) -> None:
    """Add owner and privileges to an object's properties."""
    owner = row.get("_owner")
    if owner is not None:
        properties["owner"] = frame.role(owner)
    if row.get("_acl") is not None:
        held = privileges(row["_acl"], row["_acl_type"], frame.roles.get(row.get("_holder", owner)), frame)
        if held:
            properties["privileges"] = held
