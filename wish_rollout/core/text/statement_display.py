"""How statements are shown to a person who has to read them all."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from wish_rollout.core.text.redaction import printable
from wish_rollout.core.text.sql_tokens import TEXT, Tokens, statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST = 10
"""So many rows that go into one table by statements of one shape are shown; what follows them is counted."""
VALUES = frozenset({TEXT, "null", "true", "false", "default", "-"})
MORE_THAN_VALUES = frozenset({"select", "returning", "conflict"})


def shown(texts: Sequence[str]) -> Iterator[str]:
    """Give statements as they are to be read: each ends in a semicolon, and has nothing invisible in it.

    Of a long run of INSERTs that differ in their values alone the first are shown, and it is said how many follow.
    """
    for shape, run in groupby(texts, _shape):
        alike = list(run)
        fold = bool(shape) and len(alike) > MOST + 1
        for text in alike[:MOST] if fold else alike:
            yield f"{printable(text)};"
        if fold:
            yield f"-- and {len(alike) - MOST:,} more such rows (wish-rollout plan --json has them)"


def _shape(text: str) -> Tokens:
    """Give the words of an INSERT of values, without the values; nothing for any other statement."""
    if not text[:6].lower().startswith("insert"):
        return ()
    found = statements(text)
    if len(found) != 1 or "values" not in found[0] or not MORE_THAN_VALUES.isdisjoint(found[0]):
        return ()
    return tuple("" if word in VALUES or word[0].isdigit() else word for word in found[0])
