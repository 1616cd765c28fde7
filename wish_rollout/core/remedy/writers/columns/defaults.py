"""Defaults of columns and domains. Manual, ALTER TABLE, ALTER DOMAIN, ALTER VIEW."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties, Props
    from wish_rollout.core.schema.snapshot import Key


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Set a default."""
    return [f"{_target(draft, draft.target, name)} SET DEFAULT {properties.pop('expression')}"]


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Set another default."""
    return [f"{_target(draft, draft.target, name)} SET DEFAULT {pairs.pop('expression')[1]}"]


def drop(draft: Draft, name: str) -> list[str]:
    """Drop a default."""
    return [f"{_target(draft, draft.live, name)} DROP DEFAULT"]


def _target(draft: Draft, objects: Mapping[Key, Properties], name: str) -> str:
    """Return the start of the statement; a child's default is its own, whatever its parent's is."""
    if ("domain", name) in objects:
        return f"ALTER DOMAIN {name}"
    table, own = split_last(name)
    if ("view", table) in objects:
        return f"ALTER VIEW {table} ALTER COLUMN {own}"
    word = "FOREIGN TABLE" if ("foreign table", table) in objects else "TABLE"
    only = "ONLY " if draft.has_children(table) else ""
    return f"ALTER {word} {only}{table} ALTER COLUMN {own}"


WRITER = Writer(9, create, alter, frozenset({"expression"}), early=True)
