"""How a revision does what it does: what its statements say and the catalog cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.statement_actions import Act, acts_of
from wish_rollout.core.text.sql_tokens import is_name_of, tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BEGIN", "COMMIT", "Act", "Script"]

COMMIT, BEGIN = "COMMIT", "BEGIN"
"""As the statements of a revision show that it leaves the transaction, and enters one again."""


class Script:
    """The acts of a revision, in order; ``texts``: its statements."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(texts)
        self.acts = tuple(_acts(self.texts))

    def find(self, verb: str, name: str, of: str = "") -> Act | None:
        """Give the last act of a verb on an object that a snapshot calls so (``of``: on which table)."""
        for act in reversed(self.acts):
            if act.verb == verb and is_name_of(act.name, name) and (not of or is_name_of(act.of, of)):
                return act
        return None

    def nameless(self, verb: str, of: str, *phrase: str) -> Act | None:
        """Give the last act of a verb on a table that says this and leaves the name to the server."""
        for act in reversed(self.acts):
            if act.verb == verb and not act.name and is_name_of(act.of, of) and act.says(*phrase):
                return act
        return None

    def of_verb(self, *verbs: str) -> list[Act]:
        """Give all acts of these verbs."""
        return [act for act in self.acts if act.verb in verbs]


def _acts(texts: Iterable[str]) -> Iterator[Act]:
    transaction, outside = 0, False
    for text in texts:
        for words in tokenize_statements(text):
            if words in (("commit",), ("begin",)):
                outside = words == ("commit",)
                transaction += 1
                continue
            transaction += outside
            yield from acts_of(words, transaction)
