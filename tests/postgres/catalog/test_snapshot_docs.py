"""docs/snapshot.md documents every kind of object and every property that the reader returns."""

from __future__ import annotations

import re
from pathlib import Path

from wish_rollout.postgres import queries

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "snapshot.md").read_text(encoding="utf-8")
SQL = [path.read_text(encoding="utf-8") for path in sorted(Path(queries.__file__).parent.glob("*.sql"))]


def test_every_kind_is_documented() -> None:
    kinds = {kind for text in SQL for kind in re.findall(r"'([a-z ]+)' AS _kind", text)}
    assert {"enum", "operator class", "text search configuration"} <= kinds
    assert [kind for kind in sorted(kinds) if not is_documented(kind)] == []


def test_every_property_is_documented() -> None:
    names = {name for text in SQL for name in re.findall(r'AS "([a-z A-Z]+)"', text)}
    assert {"row security", "statistics target", "on delete"} <= names
    assert [name for name in sorted(names) if not is_documented(name)] == []


def is_documented(term: str) -> bool:
    """Return whether the documentation contains the term, literally or in an abbreviated list."""
    return term in DOCS or term in ABBREVIATED


# Documented as "the same for moving aggregates", or in a list whose items share a word.
ABBREVIATED = {
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
