"""The evidence of a release as values: rows of the ledgers, deltas, approvals and results of verifications.

It contains nothing of the time or place of writing, so that the same inputs give the same bytes.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.ledger import Act, LedgerEntry, entry_hash
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.reports.evidence_revisions import EvidenceRevision

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT = 2
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
"""What the name of an environment may be: it is a part of file names."""


@dataclass(frozen=True, slots=True)
class EvidenceApproval:
    """An approval that a row used. ``document``: the signed text and its signature. ``key``: the key's fingerprint."""

    document: str
    approver: str
    reason: str
    requested: str
    key: str


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A row of a ledger with what belongs to it.

    ``delta``: the promised changes, a line each; None if the release's files do not have them any more. ``checks``:
    the verification after the change, as Dagster recorded it; empty if its run was deleted. ``plan``: what the
    approvers saw, as Markdown; "" if the change needed no approval or Dagster does not have it any more.
    """

    entry: LedgerEntry
    delta: tuple[str, ...] | None
    approvals: tuple[EvidenceApproval, ...]
    checks: tuple[Check, ...]
    plan: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether the row's hash is that of its values."""
        entry = self.entry
        return entry.hash == entry_hash(entry.seq, entry.at, entry.act, entry.previous)


@dataclass(frozen=True, slots=True)
class EnvironmentEvidence:
    """The rows of one environment, in order."""

    environment: str
    rows: tuple[EvidenceRow, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one release in all environments, in promotion order.

    ``project``: its name in rollout.toml, or "". ``revisions``: those that the release's changes applied or reverted.
    """

    project: str
    release: str
    environments: tuple[EnvironmentEvidence, ...]
    revisions: tuple[EvidenceRevision, ...] = ()

    def rows(self) -> Iterator[tuple[str, EvidenceRow]]:
        """Yield each environment with each of its rows."""
        yield from ((each.environment, row) for each in self.environments for row in each.rows)

    def to_json(self) -> str:
        """Return all values as JSON, with sorted keys."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """Return the evidence with this JSON; raise ValueError for any other text."""
        try:
            value = json.loads(text)
            if value["format"] != FORMAT:
                raise ValueError(f"its format is {value['format']!r}, this version reads {FORMAT}")
            environments = tuple(_environment(each) for each in value["environments"])
            revisions = tuple(EvidenceRevision.from_values(each) for each in value["revisions"])
            found = cls(str(value["project"]), str(value["release"]), environments, revisions)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from None
        return found


def _environment(value: dict[str, Any]) -> EnvironmentEvidence:
    name = value["environment"]
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of an environment")
    return EnvironmentEvidence(name, tuple(_row(each) for each in value["rows"]))


def _row(value: dict[str, Any]) -> EvidenceRow:
    entry = value["entry"]
    return EvidenceRow(
        LedgerEntry(int(entry["seq"]), entry["at"], Act(**entry["act"]), entry["previous"], entry["hash"]),
        None if value["delta"] is None else tuple(map(str, value["delta"])),
        tuple(EvidenceApproval(**each) for each in value["approvals"]),
        tuple(Check(**each) for each in value["checks"]),
        str(value["plan"]),
    )
