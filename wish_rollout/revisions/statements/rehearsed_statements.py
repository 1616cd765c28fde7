"""The statements of a rehearsal, and how far a migration has come in them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.release.measurements import statement_digest
from wish_rollout.core.text.secret_masking import digest_of_masked, mask_recorded
from wish_rollout.core.text.sql_tokens import contains_phrase, tokenize_statements
from wish_rollout.revisions.statements.backfill_statements import is_batch, without_pages

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

BEFORE, AFTER = "(env.py, before the revisions)", "(env.py, after the revisions)"
MARKERS = ("COMMIT", "BEGIN")
NOTHING = "no statement"
PART = r'(?:"(?:[^"]|"")+"|\w+)'
DROP_INDEX = re.compile(
    rf"DROP INDEX CONCURRENTLY IF EXISTS (?:(?P<schema>{PART})\.)?(?P<index>{PART})", re.IGNORECASE
)
CREATE_INDEX = re.compile(
    rf"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?(?P<index>{PART}) ON (?:ONLY )?(?:(?P<schema>{PART})\.)?{PART}\b",
    re.IGNORECASE,
)


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


class RehearsedSequence:
    """The statements of one revision, or of one part of env.py, and the place of the next one.

    ``resumed``: an earlier attempt has committed a part, so a helper of ``wish_rollout.safe`` may find its work done
    and leave it out. ``finished``: revision, digest and number of the statements that the journal records as finished.
    """

    def __init__(
        self,
        revision: str,
        statements: Sequence[str],
        *,
        resumed: bool = False,
        finished: Collection[tuple[str, str, int]] = (),
    ) -> None:
        texts = [mask_recorded(text) for text in statements]
        if resumed:
            texts = [text for text in texts if text not in MARKERS]
        self.expected = _with_single_batches(texts)
        self.resumed = resumed
        self.place = 0
        self.dropped: set[int] = set()
        self.finished = _count_finished(revision, self.expected, finished) if resumed else 0

    @property
    def next(self) -> str:
        """The statement that is expected now."""
        return self.expected[self.place] if self.place < len(self.expected) else NOTHING

    def accept(self, text: str, *, again: bool = False) -> bool:
        """Return whether a statement may be sent now, and advance if it may.

        ``again``: it is a batch of a backfill, which repeats with other ranges of pages.
        """
        if self.resumed and text in MARKERS:
            return True
        same = without_pages(text) if again and is_batch(text) else text
        if same != text and self.place and same == without_pages(self.expected[self.place - 1]):
            return True
        for place in range(self.place, len(self.expected)):
            expected = self.expected[place]
            if same == (expected if same == text else without_pages(expected)):
                self.place = place + 1
                return True
            if place not in self.dropped and _drops_invalid_index(text, expected):
                self.dropped.add(place)  # once: it is created next
                return True
            if not self._may_be_left_out(place):
                return False
        return False

    def missing(self) -> str | None:
        """Return the first statement that had to be sent before the end, or None."""
        for place in range(self.place, len(self.expected)):
            if self.expected[place] not in MARKERS and not self._may_be_left_out(place):
                return self.expected[place]
        return None

    def _may_be_left_out(self, place: int) -> bool:
        """Whether an earlier attempt has done this: what comes before a finished statement is done as well.

        Of CREATE and DROP INDEX CONCURRENTLY the journal may not know the end.
        """
        words = _words(self.expected[place])
        is_index = contains_phrase(words, "concurrently") and "index" in words[:3]
        return self.resumed and (place < self.finished or is_index)


def _with_single_batches(texts: Sequence[str]) -> list[str]:
    """Return the statements with each backfill's first batch only."""
    return [
        text
        for before, text in zip([None, *texts], texts, strict=False)
        if before is None or not is_batch(text) or without_pages(text) != without_pages(before)
    ]


def _count_finished(
    revision: str, expected: Sequence[str], finished: Collection[tuple[str, str, int]]
) -> int:
    """Return how many statements there are up to the last one that the journal records as finished."""
    seen: Counter[str] = Counter()
    count = 0
    for place, text in enumerate(expected, start=1):
        digest = digest_of_masked(text) or statement_digest(text)
        seen[digest] += 1
        if (revision, digest, seen[digest]) in finished:
            count = place
    return count


def _words(text: str) -> tuple[str, ...]:
    return (tokenize_statements(text) or [()])[0]


def _drops_invalid_index(text: str, expected: str) -> bool:
    """Return whether a statement drops the invalid index that the expected one creates again.

    Both have the forms that ``wish_rollout.safe`` writes: the index has the name, and is in the schema, of the other.
    """
    drop, create = DROP_INDEX.fullmatch(text), CREATE_INDEX.match(expected)
    if drop is None or create is None or drop["index"] != create["index"]:
        return False
    return drop["schema"] in (None, create["schema"])
