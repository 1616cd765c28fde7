"""Compares what env.py and the revisions send with what was rehearsed, before it is sent."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.errors.execution import (
    ClusterChangeRefused,
    CodeNotApproved,
    DriverStatementRefused,
    StatementNotApproved,
)
from wish_rollout.core.hazards.cluster_statements import cluster_statements
from wish_rollout.core.text.secret_masking import mask_recorded, mask_statement
from wish_rollout.core.text.sql_tokens import contains_phrase, tokenize_statements
from wish_rollout.revisions.statements.internal_statements import LOOKS_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wish_rollout.core.errors.base import RolloutError

BEFORE, AFTER = "(env.py, before the revisions)", "(env.py, after the revisions)"
MARKERS = ("COMMIT", "BEGIN")
NOTHING = "no statement"
BATCH = re.compile(r"ctid >= '\(\d+,0\)' AND ctid < '\(\d+,0\)'")
PAGES = re.compile(
    r"SELECT max\(pg_catalog\.pg_relation_size\(relid\)\) / current_setting\('block_size'\)::int \+ 1 FROM"
    r" \(SELECT relid FROM pg_partition_tree\('(?P<place>(?:[^']|'')+)'\) UNION SELECT '(?P=place)'::regclass\) AS tree"
)
LEFT_ROWS = re.compile(r"SELECT EXISTS \(SELECT FROM (?P<place>\S+) WHERE (?P<condition>.*)\)", re.DOTALL)
PARAMETER = re.compile(r"%\((\w+)\)s(?:::\w+)?")


@dataclass(frozen=True)
class Rehearsed:
    """What was rehearsed, and may be sent.

    ``statements``: of each revision, in order; those of env.py are under ``BEFORE`` and ``AFTER``. ``data_dependent``:
    revisions whose statements may differ. ``driver``: revisions that may send statements past SQLAlchemy. Both have
    the reasons that the scripts give. ``code``: the files that may be opened.
    """

    statements: Mapping[str, Sequence[str]]
    data_dependent: Mapping[str, str] = field(default_factory=dict)
    driver: Mapping[str, str] = field(default_factory=dict)
    code: frozenset[str] | None = None


class StatementGuard:
    """Counts and hashes what is sent; with ``rehearsed``, raises before anything else is sent.

    The first violation is kept: a script that catches it cannot continue or commit. ``recheck`` is called before the
    last commit, and raises if a file has changed meanwhile. ``resumed``: an earlier attempt has committed a part, so
    helpers of ``wish_rollout.safe`` may find their work done.
    """

    def __init__(
        self,
        environment: str,
        rehearsed: Rehearsed | None = None,
        recheck: Callable[[], None] | None = None,
        *,
        resumed: bool = False,
    ) -> None:
        self.environment = environment
        self.rehearsed = rehearsed
        self.recheck = recheck
        self.resumed = resumed
        self.violation: RolloutError | None = None
        self.count = 0
        self.sanctioned: tuple[str, ...] | None = None
        self.current = BEFORE
        self._places: dict[str, int] = {}
        self._texts: dict[str, list[str]] = {}
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
        if self.rehearsed and revision not in self.rehearsed.data_dependent:
            self._compare(revision, masked, again=again)
        else:
            self._refuse_cluster_statements(text)
        self._add(masked)

    def _compare(self, revision: str, text: str, *, again: bool) -> None:
        expected, place = self._expected(revision), self._places.get(revision, 0)
        if self.resumed and text in MARKERS:
            return
        if again and place and BATCH.search(text) and _batch(text) == _batch(expected[place - 1]):
            return
        while place < len(expected):
            if _batch(text) == _batch(expected[place]) if again else text == expected[place]:
                self._places[revision] = place + 1
                return
            if _repairs(text, expected[place]):
                return
            if not (self.resumed and _may_be_done(expected[place])):
                break
            place += 1
        place = self._places.get(revision, 0)
        approved = expected[place] if place < len(expected) else NOTHING
        self._violate(StatementNotApproved(self.environment, revision, approved, text))

    def _expected(self, revision: str) -> list[str]:
        assert self.rehearsed is not None
        if revision not in self._texts:
            texts = [mask_recorded(text) for text in self.rehearsed.statements.get(revision, ())]
            self._texts[revision] = [text for text in texts if text not in MARKERS] if self.resumed else texts
        return self._texts[revision]

    def end(self, revision: str) -> None:
        """Raise StatementNotApproved if a revision, or env.py, has sent less than was rehearsed."""
        self.refuse_if_violated()
        if not self.rehearsed or revision in self.rehearsed.data_dependent:
            return
        left = self._expected(revision)[self._places.get(revision, 0) :]
        while left and (left[0] in MARKERS or (self.resumed and _may_be_done(left[0]))):
            left = left[1:]
        if left:
            self._violate(StatementNotApproved(self.environment, revision, left[0], NOTHING))

    def allows_look(self, revision: str, text: str) -> bool:
        """Return whether a query that a helper asks the catalog has one of the helpers' forms."""
        if self.rehearsed is None or PARAMETER.sub(r":\1", text) in LOOKS_UP or PAGES.fullmatch(text):
            return True
        found = LEFT_ROWS.fullmatch(text)
        return found is not None and any(
            f"UPDATE {found['place']} " in each
            and each.endswith(f" AND ({found['condition']}) RETURNING ({found['condition']})")
            for each in self._expected(revision)
        )

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


def _batch(text: str) -> str:
    """Return the statement of a backfill without its range of pages."""
    return BATCH.sub("ctid", text)


def _words(text: str) -> tuple[str, ...]:
    return (tokenize_statements(text) or [()])[0]


def _repairs(text: str, expected: str) -> bool:
    """Return whether a statement drops the invalid index that the expected one creates again."""
    drop, create = _words(text), _words(expected)
    if drop[:5] != ("drop", "index", "concurrently", "if", "exists") or not contains_phrase(
        create, "concurrently"
    ):
        return False
    return create[:1] == ("create",) and bool(drop[5:]) and drop[-1] in create and len(drop) in (6, 8)


def _may_be_done(expected: str) -> bool:
    """Return whether a helper finds by itself that this was done by an earlier attempt."""
    words = _words(expected)
    if contains_phrase(words, "concurrently"):
        return "index" in words[:3]
    return (
        contains_phrase(words, "not", "valid")
        or contains_phrase(words, "validate", "constraint")
        or (expected in MARKERS)
    )
