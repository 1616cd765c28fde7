"""A serial column that becomes an identity column, and back: the value of the sequence is kept.

Manual, ALTER TABLE: DROP IDENTITY drops the sequence of the column; ALTER SEQUENCE … RENAME is allowed for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.sql_syntax import identifier, literal
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft


def own_sequence(table: str, column: str, named: str | None) -> str:
    """Return the quoted name of an identity column's sequence: the one that is recorded, or PostgreSQL's default."""
    schema, own = split_last(named or table)
    sequence = unquote_identifier(own)
    if not named:
        sequence += f"_{unquote_identifier(column)}_seq"
    return f"{schema}.{identifier(sequence)}"


def heir(draft: Draft, sequence: str) -> str | None:
    """Return the column that owns a dropped sequence and becomes an identity column."""
    column = draft.live.get(("sequence", sequence), {}).get("owned by")
    if column is None or ("sequence", sequence) in draft.target:
        return None
    live, target = draft.live.get(("column", column), {}), draft.target.get(("column", column), {})
    return column if "identity" in target and "identity" not in live and live else None


def predecessor(draft: Draft, column: str) -> str | None:
    """Return the dropped sequence whose value a new identity column takes over."""
    return next(
        (name for kind, name in draft.live if kind == "sequence" and heir(draft, name) == column), None
    )


def identity_before(draft: Draft, sequence: str) -> str | None:
    """Return the sequence of the identity column that a new sequence takes over."""
    column = draft.target["sequence", sequence].get("owned by")
    if column is None or ("sequence", sequence) in draft.live:
        return None
    live, target = draft.live.get(("column", column), {}), draft.target.get(("column", column), {})
    if "identity" not in live or "identity" in target:
        return None
    return own_sequence(*split_last(column), live["identity"].get("sequence"))


def aside(sequence: str) -> str:
    """Return the name that a sequence has until its value is taken over."""
    schema, own = split_last(sequence)
    return f"{schema}.{identifier(f'{unquote_identifier(own)[:50]}__before')}"


def set_aside(sequence: str) -> str:
    """Return the statement that renames a sequence until its value is taken over."""
    return f"ALTER SEQUENCE {sequence} RENAME TO {split_last(aside(sequence))[1]}"


def take_value(new: str, old: str, low: int, high: int) -> str:
    """Return the statement that gives a sequence the value of another one, within its own bounds."""
    value = f"greatest(least(last_value, {high}), {low})"
    return f"SELECT setval({literal(new)}, {value}, is_called) FROM {old}"  # noqa: S608 - names of the catalog
