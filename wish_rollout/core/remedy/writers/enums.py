"""Enums. A label can be added and renamed, never dropped or moved; for that the type is made anew.

Manual, ALTER TYPE: "There is no option to delete a value or change the sort order".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import identifier, literal
from wish_rollout.core.remedy.writers.types import BESIDE
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import find_qualified_names
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props


def create(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Make an enum."""
    labels = properties.pop("labels", [])
    return [f"CREATE TYPE {name} AS ENUM ({', '.join(literal(label) for label in labels)})"]


def renamed(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Give the labels that are only renamed, old → new."""
    return Change("enum", "", "changed", {"labels": (list(before), list(after))}).labels


def added(before: Sequence[str], after: Sequence[str]) -> list[str] | None:
    """Give the clauses that add what is missing, or None where that does not lead to the wanted labels."""
    wanted = set(after)
    if [label for label in after if label in set(before)] != list(before) or not wanted.issuperset(before):
        return None
    clauses, there = [], list(before)
    for place, label in enumerate(after):
        if label not in there:
            where = f" BEFORE {literal(there[place])}" if place < len(there) else ""
            clauses.append(f"{literal(label)}{where}")
            there.insert(place, label)
    return clauses


def made_anew(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Whether labels went or moved, or a new one is needed at once, which its transaction does not allow."""
    if "labels" not in pairs:
        return False
    before, after = (pair or [] for pair in pairs["labels"])
    if renamed(before, after):
        return False
    if added(before, after) is None:
        return True
    new = [literal(label) for label in after if label not in before]
    return any(
        f"{label}::{name}" in str(properties)
        for key, properties in draft.target.items()
        if draft.live.get(key) != properties
        for label in new
    )


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Add or rename labels, or put a new type in the place of the old."""
    if "labels" not in pairs:
        return []
    anew = made_anew(draft, name, pairs)
    before, after = (pair or [] for pair in pairs.pop("labels"))
    if pair := renamed(before, after):
        return [
            f"ALTER TYPE {name} RENAME VALUE {literal(old)} TO {literal(new)}" for old, new in pair.items()
        ]
    if not anew:
        return [f"ALTER TYPE {name} ADD VALUE {clause}" for clause in added(before, after) or ()]
    schema, own = split_last(name)
    aside = identifier(f"{unquote_identifier(own)[:50]}__before")
    return [
        f"ALTER TYPE {name} RENAME TO {aside}",
        *create(draft, name, {"labels": after}),
        *(text for column in users(draft, name) for text in _moved(draft, column, name)),
        f"DROP TYPE {schema}.{aside}",
    ]


def users(draft: Draft, name: str) -> list[str]:
    """Name the columns of tables that are of this type, or an array of it."""
    return [
        column
        for (kind, column), properties in draft.live.items()
        if kind == "column"
        and properties["type"] in {name, f"{name}[]"}
        and ("table", split_last(column)[0]) in draft.live
        and not properties.get("inherited")
    ]


def obstacles(draft: Draft, name: str) -> list[str]:
    """Name what else is made of this type: it cannot be moved to the new one."""
    return [
        f"{kind} {other}"
        for (kind, other), properties in draft.live.items()
        if kind in {"domain", "composite type", "range type", "aggregate", "operator", "cast"}
        and (name in find_qualified_names(properties) or name in other)
    ]


def _moved(draft: Draft, column: str, name: str) -> list[str]:
    """Move a column to the new type, by the labels' text; a row with a label that went stops it."""
    table, own = split_last(column)
    properties = draft.live["column", column]
    array = properties["type"].removeprefix(name)
    words = [f"ALTER COLUMN {own} TYPE {name}{array} USING {own}::text{array}::{name}{array}"]
    if "default" in properties:
        words.insert(0, f"ALTER COLUMN {own} DROP DEFAULT")
        wanted = draft.target.get(("column", column), {}).get("default")
        if wanted is not None:
            words.append(f"ALTER COLUMN {own} SET DEFAULT {wanted}")
    return [f"ALTER TABLE {table} {', '.join(words)}"]


WRITER = Writer(3, create, alter, frozenset({"labels", *BESIDE}), rebuilds=False)
