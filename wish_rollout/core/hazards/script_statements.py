"""What the statements of a revision say, and the catalog does not contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.executed_statements import BEGIN, COMMIT, with_transactions
from wish_rollout.core.hazards.statement_actions import StatementAction, read_actions
from wish_rollout.core.text.sql_tokens import is_name_of, tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BEGIN", "COMMIT", "Script", "StatementAction"]


class Script:
    """The actions of a revision's statements, in order. ``texts``: the statements."""

    def __init__(self, statements: Sequence[str]) -> None:
        self.texts = tuple(statements)
        self.actions = tuple(
            action
            for text, transaction in with_transactions(statements)
            for tokens in tokenize_statements(text)
            for action in read_actions(tokens, transaction)
        )

    def find(self, verb: str, name: str, of: str = "") -> StatementAction | None:
        """Return the last action of a verb on the object with a name in a snapshot. ``of``: the name of its table."""
        for action in reversed(self.actions):
            if (
                action.verb == verb
                and is_name_of(action.name, name)
                and (not of or is_name_of(action.of, of))
            ):
                return action
        return None

    def find_nameless(self, verb: str, of: str, *phrase: str) -> StatementAction | None:
        """Return the last action of a verb on a table that contains a phrase and leaves the name to the server."""
        for action in reversed(self.actions):
            if action.verb == verb and not action.name and is_name_of(action.of, of) and action.says(*phrase):
                return action
        return None

    def of_verb(self, *verbs: str) -> list[StatementAction]:
        """Return all actions of these verbs."""
        return [action for action in self.actions if action.verb in verbs]
