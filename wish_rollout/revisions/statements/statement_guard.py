"""Compares what env.py and the revisions send with what was rehearsed, before it is sent."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wish_rollout.core.errors.execution import (
    ClusterChangeRefused,
    CodeNotApproved,
    DriverStatementRefused,
    StatementNotApproved,
)
from wish_rollout.core.hazards.cluster_statements import cluster_statements
from wish_rollout.core.text.secret_masking import mask_statement
from wish_rollout.revisions.statements.helper_statements import is_helper_query
from wish_rollout.revisions.statements.rehearsed_statements import (
    BEFORE,
    NOTHING,
    Rehearsed,
    RehearsedSequence,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from wish_rollout.core.errors.base import RolloutError


class StatementGuard:
    """Counts and hashes what is sent; with ``rehearsed``, raises before anything else is sent.

    The first violation is kept: a script that catches it cannot continue or commit. ``recheck`` is called before the
    last commit, and raises if a file has changed meanwhile. ``resumed``, ``finished``: see RehearsedSequence.
    ``observed``: what is compared without ``rehearsed``; revisions that send anything else are only noted.
    ``before_driver_call`` is called before a script sends something past SQLAlchemy, which may change the session's settings.
    """

    def __init__(  # noqa: PLR0913  (what a run may send, and how far an earlier one has come)
        self,
        environment: str,
        rehearsed: Rehearsed | None = None,
        recheck: Callable[[], None] | None = None,
        *,
        resumed: bool = False,
        finished: Collection[tuple[str, str, int]] = (),
        observed: Rehearsed | None = None,
    ) -> None:
        self.environment = environment
        self.observed = rehearsed or observed
        self.differing: list[str] = []
        self.rehearsed = rehearsed
        self.recheck = recheck
        self.resumed = resumed
        self.finished = finished
        self.violation: RolloutError | None = None
        self.before_driver_call: Callable[[], None] = lambda: None
        self.count = 0
        self.sanctioned: tuple[str, ...] | None = None
        self.current = BEFORE
        self._sequences: dict[str, RehearsedSequence] = {}
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 over the statements that were sent, each after its length in bytes."""
        return self._hash.hexdigest()

    def check(self, revision: str, text: str, *, again: bool = False) -> None:
        """Raise StatementNotApproved if this is not the rehearsed statement at this place.

        ``again``: a helper sends it as often as there are batches of rows.
        """
        self.refuse_if_violated()
        self.current = revision
        masked = mask_statement(text.strip())
        if sequence := self._sequence(revision):
            if not sequence.accept(masked, again=again):
                self._differs(revision, sequence.next, masked)
        else:
            self._refuse_cluster_statements(text)
        self._add(masked)

    def _sequence(self, revision: str) -> RehearsedSequence | None:
        """Return what the revision may send, or None if that is not compared."""
        if self.observed is None or revision in self.observed.data_dependent or revision in self.differing:
            return None
        if revision not in self._sequences:
            texts = self.observed.statements.get(revision, ())
            self._sequences[revision] = RehearsedSequence(
                revision, texts, resumed=self.resumed, finished=self.finished
            )
        return self._sequences[revision]

    def end(self, revision: str) -> None:
        """Raise StatementNotApproved if a revision, or env.py, has sent less than was rehearsed."""
        self.refuse_if_violated()
        sequence = self._sequence(revision)
        if sequence and (missing := sequence.missing()):
            self._differs(revision, missing, NOTHING)

    def _differs(self, revision: str, approved: str, found: str) -> None:
        """Raise StatementNotApproved; without ``rehearsed``, note the revision."""
        if self.rehearsed:
            self._violate(StatementNotApproved(self.environment, revision, approved, found))
        self.differing.append(revision)

    def allows_look(self, revision: str, statement: str, text: str) -> bool:
        """Return whether a query that a helper asks the server has one of the helpers' forms.

        ``statement``: with places for parameters; ``text``: as it is sent.
        """
        if self.rehearsed is None:
            return True
        return is_helper_query(statement, text, self.rehearsed.statements.get(revision, ()))

    def refuse_if_violated(self) -> None:
        """Raise the first violation again, if there was one."""
        if self.violation:
            raise self.violation

    def finish(self) -> None:
        """Raise if there was a violation, or a file has changed; called before the last commit."""
        self.refuse_if_violated()
        if self.recheck:
            try:
                self.recheck()
            except Exception as error:
                self.violation = self.violation or error  # type: ignore[assignment]
                raise

    def check_file(self, name: str) -> None:
        """Raise CodeNotApproved if a file of the project was not read in the rehearsal."""
        if self.rehearsed and self.rehearsed.code is not None and name not in self.rehearsed.code:
            self._violate(CodeNotApproved(self.environment, f"{name} was not read in the rehearsal"))

    def refuse_driver(self, what: str) -> None:
        """Raise DriverStatementRefused, unless the revision that runs declares it."""
        self.refuse_undeclared(what)
        self._add(what)

    def refuse_undeclared(self, what: str) -> None:
        """Raise DriverStatementRefused, unless the revision that runs declares it; do not count it."""
        if self.rehearsed and self.current not in self.rehearsed.driver:
            self._violate(DriverStatementRefused(self.environment, self.current, mask_statement(what)))
        self._refuse_cluster_statements(what)
        self.before_driver_call()

    def _add(self, text: str) -> None:
        data = text.encode()
        self._hash.update(f"{len(data)}\n".encode() + data)
        self.count += 1

    def _refuse_cluster_statements(self, text: str) -> None:
        """Raise ClusterChangeRefused for what the gate cannot have seen, since it was not compared."""
        for change in cluster_statements([text]) if self.rehearsed else ():
            self._violate(ClusterChangeRefused(self.environment, change))

    def _violate(self, error: RolloutError) -> None:
        self.violation = self.violation or error
        raise self.violation
