"""Which names a text of the catalog speaks of.

A snapshot is read with an empty search_path, so every name in it that is not the server's own is written with
its schema. That makes a name in a text as good as a row of pg_depend, or a little too much, never too little;
only the bodies of routines are free text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PART = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
DOTTED = re.compile(rf"{PART}(?:\.{PART})+")
WORD = re.compile(PART)
SILENT = frozenset({"comment", "owner", "privileges", "index comment"})


def names_in(properties: Mapping[str, Any], *silent: str) -> set[str]:
    """Give every dotted name in an object's properties, and what stands in front of its last dots."""
    found: set[str] = set()
    for text in _texts({key: value for key, value in properties.items() if key not in silent}):
        for match in DOTTED.finditer(text):
            name = match[0]
            while "." in name and name not in found:
                found.add(name)
                name = split_last(name)[0]
    return found


def has_word(properties: Mapping[str, Any], identifier: str) -> bool:
    """Whether an identifier stands in an object's texts by itself."""
    return any(match[0] == identifier for text in _texts(properties) for match in WORD.finditer(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in SILENT:
                yield key
                yield from _texts(item)
