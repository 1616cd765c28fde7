"""The statements of a revision with their transactions and their measurements."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.statement_actions import read_actions
from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.text.sql_tokens import tokenize_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.hazards.pending_revision import PendingRevision
    from wish_rollout.core.hazards.statement_actions import StatementAction
    from wish_rollout.core.release.measurements import StatementMeasurement
    from wish_rollout.core.text.sql_tokens import Tokens

COMMIT, BEGIN = "COMMIT", "BEGIN"
"""Statements in a revision's list where it leaves its transaction, and where it enters one again."""


@dataclass(frozen=True)
class ExecutedStatement:
    """A statement. Statements of the same ``transaction`` hold each other's locks. ``measured``: None if unknown."""

    text: str
    transaction: int
    measured: StatementMeasurement | None = None

    @cached_property
    def tokens(self) -> list[Tokens]:
        """The tokens of the statements in the text."""
        return [tokens for tokens in tokenize_statements(self.text) if tokens]

    @cached_property
    def actions(self) -> list[StatementAction]:
        """What the text says it does."""
        return [action for tokens in self.tokens for action in read_actions(tokens, self.transaction)]


def executed_statements(pending: PendingRevision) -> tuple[ExecutedStatement, ...]:
    """Return the statements of a revision; a measurement belongs to the statement with its digest, in order."""
    texts = list(with_transactions(pending.statements))
    found: list[ExecutedStatement] = []
    index = 0
    for measurement in pending.measured:
        start, count = _find(texts, index, measurement.digest)
        if count == 0:
            continue
        found += [ExecutedStatement(text, transaction) for text, transaction in texts[index:start]]
        text = ";\n".join(text for text, _ in texts[start : start + count])
        found.append(ExecutedStatement(text, texts[start][1], measurement))
        index = start + count
    return (*found, *(ExecutedStatement(text, transaction) for text, transaction in texts[index:]))


def with_transactions(statements: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each statement with the number of its transaction."""
    transaction, is_outside = 0, False
    for text in statements:
        command = text.strip().rstrip(";").upper()
        if command in (COMMIT, BEGIN):
            is_outside = command == COMMIT
            transaction += 1
            continue
        transaction += is_outside
        yield text, transaction


def _find(texts: list[tuple[str, int]], index: int, digest: str) -> tuple[int, int]:
    """Return the place and the number of the texts that were sent at once as the statement with a digest, or 0.

    Several texts were sent at once if the script passed several rows of parameters.
    """
    for start in range(index, len(texts)):
        if statement_digest(texts[start][0]) == digest:
            return start, 1
    joined = ""
    for count, (text, _) in enumerate(texts[index:], 1):
        joined = f"{joined};\n{text}" if joined else text
        if statement_digest(joined) == digest:
            return index, count
    return index, 0
