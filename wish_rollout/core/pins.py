"""Which extensions' versions a release pins: those count, and all others are the environment's own business."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.snapshot import Snapshot
from wish_rollout.core.sql_words import bare

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = r"""extension\s+(?:if\s+not\s+exists\s+)?[\\"']*(?P<name>[\w-]+)[\\"']*"""
_BETWEEN = r"""(?:\\[nt]|[\s"'\\+(),]|with\b|schema\s+[\\"]*[\w$]+[\\"]*|cascade\b)*"""
_PINS = re.compile(
    rf"\bcreate\s+{_NAME}{_BETWEEN}\bversion\b|\balter\s+{_NAME.replace('name', 'other')}\s+update\s+to\b",
    re.IGNORECASE,
)
VERSION, INSTALLED = "version", "installed version"


def pinned_in(scripts: Iterable[str]) -> frozenset[str]:
    """Name the extensions that scripts give a version: ``CREATE EXTENSION … VERSION``, ``ALTER … UPDATE TO``.

    The scripts are read as text (manual, CREATE EXTENSION and ALTER EXTENSION); names are without quotes.
    """
    return frozenset(
        match["name"] or match["other"] for script in scripts for match in _PINS.finditer(script)
    )


def pin(snapshot: Snapshot, names: frozenset[str]) -> Snapshot:
    """Give a snapshot in which the versions of just these extensions count, whatever it was read with."""
    changed = {}
    for name, properties in snapshot.of_kind("extension"):
        counts = bare(name) in names
        was, now = (INSTALLED, VERSION) if counts else (VERSION, INSTALLED)
        if was in properties:
            rest = {key: value for key, value in properties.items() if key != was}
            changed["extension", name] = {**rest, now: properties[was]}
    return Snapshot({**snapshot.objects, **changed}, snapshot.sees) if changed else snapshot
