"""SQL statements as they are displayed to a person who has to read all of them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from wish_rollout.core.text.redaction import escape_unprintable
from wish_rollout.core.text.secret_masking import mask_recorded
from wish_rollout.core.text.sql_tokens import STRING_CONSTANT, Tokens, tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_SIMILAR_ROWS = 10
"""Of consecutive INSERT statements with the same columns, this many are displayed; the others are counted."""
VALUES = frozenset({STRING_CONSTANT, "null", "true", "false", "default", "-"})
MORE_THAN_VALUES = frozenset({"select", "returning", "conflict"})


def display_statements(texts: Sequence[str]) -> Iterator[str]:
    """Yield the statements to display: each ends in a semicolon, with unprintable characters escaped.

    Of consecutive INSERT statements that differ only in their values, the first ``MAX_SIMILAR_ROWS`` are
    displayed, then a comment with the number of the others.
    """
    for shape, group in groupby(texts, _insert_without_values):
        similar = list(group)
        is_shortened = bool(shape) and len(similar) > MAX_SIMILAR_ROWS + 1
        for text in similar[:MAX_SIMILAR_ROWS] if is_shortened else similar:
            yield f"{escape_unprintable(mask_recorded(text))};"
        if is_shortened:
            yield f"-- and {len(similar) - MAX_SIMILAR_ROWS:,} more such rows (wish-rollout plan --json has them)"


def _insert_without_values(text: str) -> Tokens:
    """Return the tokens of an INSERT … VALUES statement without the values, or () for any other statement."""
    if not text[:6].lower().startswith("insert"):
        return ()
    statements = tokenize_statements(text)
    if len(statements) != 1:
        return ()
    tokens = statements[0]
    if "values" not in tokens or not MORE_THAN_VALUES.isdisjoint(tokens):
        return ()
    return tuple("" if token in VALUES or token[0].isdigit() else token for token in tokens)
