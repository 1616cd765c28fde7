"""Tolerant parsing of JSON stored in Dagster.

Anyone with access to Dagster may write these values. Text or items of another form are ignored.
"""

from __future__ import annotations

import json
from contextlib import suppress


def parse_strings(text: str | None) -> list[str]:
    """Return the strings of a JSON array, or an empty list for any other text."""
    value = parse_json(text)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def parse_string_mapping(text: str | None) -> dict[str, str]:
    """Return the string values of a JSON object by name, or an empty dict for any other text."""
    value = parse_json(text)
    if not isinstance(value, dict):
        return {}
    return {name: item for name, item in value.items() if isinstance(item, str)}


def parse_json(text: str | None) -> object:
    """Return the parsed JSON value, or None if the text is not JSON."""
    with suppress(ValueError, RecursionError):
        return json.loads(text or "null")
    return None


def to_json(value: object) -> str:
    """Return a value as JSON."""
    return json.dumps(value)
