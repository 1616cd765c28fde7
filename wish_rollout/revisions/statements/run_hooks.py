"""What a run of the scripts asks of its caller, and hands over to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from wish_rollout.revisions.statements.statement_guard import StatementGuard


@dataclass(frozen=True)
class Sent:
    """A statement of a revision that is about to be sent to the server.

    ``statement``: as it was written, with places for parameters; ``text``: with these filled in, once a row of
    them. ``outside``: of a transaction. ``again``: it may run a second time. ``execute`` runs it on ``cursor``, from
    which the script takes what it gives.
    """

    revision: str
    statement: str
    text: str
    outside: bool
    again: bool
    cursor: psycopg.Cursor[Any]
    execute: Callable[[], Any]


@dataclass(frozen=True)
class Hooks:
    """What is called in the transaction of a migration; what one of them raises ends it all.

    ``first`` before its first statement, ``last`` behind its last one. Where env.py or a script commits by
    itself before the end, ``early`` before the first commit, so that it is in what is committed; ``last``
    then has a transaction of its own. ``each`` in every step's own transaction, before its statements; ``completed``
    behind them, with the revision.
    ``step`` gets each revision that is about to run, and may refuse it. ``before`` is called with each
    statement, whether it runs outside of a transaction, and whether it is sent while a revision runs whose statements ``run``
    executes; ``committing`` is called before each commit, and ``revisions_to_revert`` when a script rolls its transaction
    back. ``guard`` compares each statement with the rehearsed one before it is sent.
    """

    first: Callable[[], None] | None = None
    early: Callable[[], None] | None = None
    last: Callable[[], None] | None = None
    each: Callable[[], None] | None = None
    completed: Callable[[str], None] | None = None
    step: Callable[[str], None] | None = None
    before: Callable[[str, bool, bool], None] | None = None
    run: Callable[[Sent], None] | None = None
    committing: Callable[[], None] | None = None
    revisions_to_revert: Callable[[], None] | None = None
    guard: StatementGuard | None = None


NO_HOOKS = Hooks()
