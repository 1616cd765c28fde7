"""Tolerant parsing of JSON stored in Dagster.

Anyone with access to Dagster may write these values. Text or items of another form are ignored.
"""

from __future__ import annotations

import json
from contextlib import suppress


def strings_in(value: object) -> list[str]:
    """Return the strings of a parsed JSON array, or an empty list for any other value."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def parse_string_mapping(text: str | None) -> dict[str, str]:
    """Return the string values of a JSON object by name, or an empty dict for any other text."""
    return strings_of(parse_json(text))


def strings_of(value: object) -> dict[str, str]:
    """Return the string values of a parsed JSON object by name, or an empty dict for any other value."""
    if not isinstance(value, dict):
        return {}
    return {name: item for name, item in value.items() if isinstance(item, str)}


def parse_json(text: str | None) -> object:
    """Return the parsed JSON value, or None if the text is not JSON."""
    with suppress(ValueError, RecursionError):
        return json.loads(text or "null")
    return None


def to_json(value: object) -> str:
    """Return a value as JSON without spaces: each tick stores its cursor."""
    return json.dumps(value, separators=(",", ":"))
