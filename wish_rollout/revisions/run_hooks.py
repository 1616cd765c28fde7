"""The functions by which a caller takes part in a run of the scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg


@dataclass(frozen=True)
class Sent:
    """A statement of a revision that is about to be executed.

    ``statement``: the text with placeholders. ``text``: the parameters filled in, once for each row of them.
    ``outside``: it is executed outside of a transaction block. ``again``: it may run a second time. ``execute`` executes
    it on ``cursor``, from which the script reads the result.
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
    """Functions that a run of the scripts calls, in the transaction of the migration. An exception ends the run.

    ``first``: before env.py starts. ``last``: after the last revision. ``early``: before the first commit, if env.py or a
    script commits before the end; ``last`` then has a transaction of its own. ``each``: before the statements of each
    revision, in its transaction. ``step``: gets each revision before it runs, and may refuse it. ``before``: gets each
    statement, and whether it is executed outside of a transaction block. ``run``: executes a statement of a revision.
    ``committing``: before each commit. ``undone``: when a script rolls its transaction back.
    """

    first: Callable[[], None] | None = None
    early: Callable[[], None] | None = None
    last: Callable[[], None] | None = None
    each: Callable[[], None] | None = None
    step: Callable[[str], None] | None = None
    before: Callable[[str, bool], None] | None = None
    run: Callable[[Sent], None] | None = None
    committing: Callable[[], None] | None = None
    revisions_to_revert: Callable[[], None] | None = None


NO_HOOKS = Hooks()
