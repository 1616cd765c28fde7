"""What a sensor remembers. Anybody who reaches Dagster may write it, so what is not ours is nothing."""

from __future__ import annotations

import json
from contextlib import suppress


def texts(cursor: str | None) -> list[str]:
    """Read a list of texts; what else there is is left out."""
    found = _read(cursor)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def pairs(cursor: str | None) -> dict[str, str]:
    """Read texts by name; what else there is is left out."""
    found = _read(cursor)
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _read(cursor: str | None) -> object:
    with suppress(ValueError, RecursionError):
        return json.loads(cursor or "null")
    return None
