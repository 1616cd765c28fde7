"""The object names in definitions and expressions of a snapshot.

A snapshot is read with an empty search_path, so each name in it is qualified with its schema, except names in
pg_catalog. The names in a definition are therefore as complete as pg_depend; there may be a few too many, but
never too few. Only the bodies of routines are free text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PART = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
QUALIFIED_NAME = re.compile(rf"{PART}(?:\.{PART})+")
WORD = re.compile(PART)
WITHOUT_NAMES = frozenset({"comment", "owner", "privileges", "index comment"})


def find_qualified_names(properties: Mapping[str, Any], *ignored: str) -> set[str]:
    """Return each qualified name in an object's properties, and its qualified prefixes.

    ``ignored``: names of properties that are not searched.
    """
    found: set[str] = set()
    for text in texts({key: value for key, value in properties.items() if key not in ignored}):
        for match in QUALIFIED_NAME.finditer(text):
            name = match[0]
            while "." in name and name not in found:
                found.add(name)
                name = split_last(name)[0]
    return found


def contains_identifier(text: str, identifier: str) -> bool:
    """Return whether a text contains an identifier as a whole word."""
    return any(match[0] == identifier for match in WORD.finditer(text))


def texts(value: Any) -> Iterator[str]:
    """Yield each text in a property's value, without comments, owners and privileges."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in WITHOUT_NAMES:
                yield key
                yield from texts(item)
