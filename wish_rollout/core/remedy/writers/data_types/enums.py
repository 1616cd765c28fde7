"""Enums. A label can be added and renamed, never dropped or moved; for that the type is created again.

Manual, ALTER TYPE: "There is no option to delete a value or change the sort order".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import literal
from wish_rollout.core.schema.change import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props


def create(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an enum."""
    labels = properties.pop("labels", [])
    return [f"CREATE TYPE {name} AS ENUM ({', '.join(literal(label) for label in labels)})"]


def renamed(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Return the labels that are only renamed, old → new."""
    return Change("enum", "", "changed", {"labels": (list(before), list(after))}).labels


def added(before: Sequence[str], after: Sequence[str]) -> list[str] | None:
    """Return the clauses that add what is missing, or None where that does not lead to the wanted labels."""
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


def is_rebuilt(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Return whether labels are dropped or moved, or a new one is needed at once.

    A transaction cannot use a label that it has added (manual, ALTER TYPE).
    """
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


def alter(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Add or rename labels."""
    if "labels" not in pairs:
        return []
    before, after = (pair or [] for pair in pairs.pop("labels"))
    if pair := renamed(before, after):
        return [
            f"ALTER TYPE {name} RENAME VALUE {literal(old)} TO {literal(new)}" for old, new in pair.items()
        ]
    return [f"ALTER TYPE {name} ADD VALUE {clause}" for clause in added(before, after) or ()]


WRITER = Writer(3, create, alter, is_rebuilt=is_rebuilt)
