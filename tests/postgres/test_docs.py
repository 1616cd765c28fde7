"""docs/snapshot.md speaks of every kind and every property that the reader can tell."""

from __future__ import annotations

import re
from pathlib import Path

from wish_rollout.postgres import queries

ROOT = Path(__file__).parent.parent.parent
DOCS = (ROOT / "docs" / "snapshot.md").read_text(encoding="utf-8")
SQL = [path.read_text(encoding="utf-8") for path in sorted(Path(queries.__file__).parent.glob("*.sql"))]


def test_every_kind_is_documented() -> None:
    kinds = {kind for text in SQL for kind in re.findall(r"'([a-z ]+)' AS _kind", text)}
    assert {"enum", "operator class", "text search configuration"} <= kinds
    assert [kind for kind in sorted(kinds) if not mentioned(kind)] == []


def test_every_property_is_documented() -> None:
    names = {name for text in SQL for name in re.findall(r'AS "([a-z A-Z]+)"', text)}
    assert {"row security", "statistics target", "on delete"} <= names
    assert [name for name in sorted(names) if not mentioned(name)] == []


def mentioned(words: str) -> bool:
    """Whether the words are there, or all but the last right after words that they share with a neighbour."""
    return words in DOCS or words in SHARED


# Told in the docs as "the same for moving aggregates", or in a list whose items share a word.
SHARED = {
    "text search dictionary",
    "text search parser",
    "text search template",
    "combine function",
    "serial function",
    "deserial function",
    "final function extra",
    "final function modify",
    "moving transition function",
    "moving inverse function",
    "moving state type",
    "moving state size",
    "moving initial state",
    "moving final function",
    "moving final function extra",
    "moving final function modify",
}
