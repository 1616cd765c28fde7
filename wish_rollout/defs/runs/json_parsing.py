"""JSON that Dagster keeps for us. Anybody who reaches it may write it, so what is not ours is nothing."""

from __future__ import annotations

import json
from contextlib import suppress


def texts(text: str | None) -> list[str]:
    """Read a list of texts; what else there is is left out."""
    found = read(text)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def pairs(text: str | None) -> dict[str, str]:
    """Read texts by name; what else there is is left out."""
    found = read(text)
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def read(text: str | None) -> object:
    """Read JSON; None for anything else."""
    with suppress(ValueError, RecursionError):
        return json.loads(text or "null")
    return None
