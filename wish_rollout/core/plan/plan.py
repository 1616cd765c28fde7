"""A plan: a release against each environment in its current state, with the digests that identify it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.core.archive.losses import RollbackLosses
from wish_rollout.core.plan.action import ACTION_VERBS, Action
from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.core.release.release import format_position
from wish_rollout.core.text.statement_display import display_statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.environment.baseline import Baseline
    from wish_rollout.core.environment.conflicting_objects import ConflictingObject
    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.plan.database_state import ServerFacts
    from wish_rollout.core.plan.half_done import HalfDone
    from wish_rollout.core.plan.verdict import Verdict
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.rows.requirements import RowFinding
    from wish_rollout.core.schema.delta import Delta

PLAN_FORMAT = 1
NO_LOSSES = RollbackLosses()


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """The plan of one environment, and its state before.

    ``statements``: the rehearsed SQL. ``promised``: the delta that they must produce, exactly. ``drift``: the
    delta from the promised schema of its revision to the live one. ``fingerprint``: of the live schema.
    ``hazards``: of the statements in this database, with the reason for which they are allowed. ``findings``:
    rows that violate the new schema, with the reason for which they are allowed. ``resumed_fingerprint``: if
    the release was interrupted here, the fingerprint that it must produce. ``unmanaged``: objects that are not
    the release's and are ignored. ``code``: the files that env.py and the revisions use, with their hashes;
    ``packages``: the installed packages, with their versions. ``data_dependent``: revisions whose statements may
    differ from the rehearsed ones, and ``driver_statements``: revisions that send some past SQLAlchemy, with reasons.
    ``env_before``, ``env_after``: what env.py itself sends before and after the revisions.
    ``adopted``: the position that an adoption sets the version table to first.
    ``baseline``: the accepted differences that the plan records in the ledger; None if it records nothing new.
    ``notes``: what the plan does that the statements do not show. ``already_there``: what the environment has already
    of the pending revisions, whose statements allow for it; the plan was rehearsed on a copy of the live schema.
    ``journal_digest``: the name of the release in the journal.
    ``half_done``: what an interrupted release has done, if its scripts were changed since then.
    ``interrupted_rollback``: the target of a rollback that is half done.
    ``irreversible``: pending revisions that cannot be rolled back later, with reasons. ``losses``: what a rollback would
    destroy; ``archive_keep``: how long that is archived, "" where it is refused instead.
    """

    environment: str
    gated: bool
    release_digest: str
    action: Action
    verdict: Verdict
    start: Position
    end: Position
    pending: tuple[str, ...]
    statements: tuple[str, ...]
    promised: Delta
    drift: Delta
    conflicting_objects: tuple[ConflictingObject, ...]
    fingerprint: str
    facts: ServerFacts
    hazards: tuple[Hazard, ...] = ()
    findings: tuple[RowFinding, ...] = ()
    resumed_fingerprint: str = ""
    unmanaged: tuple[str, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    data_dependent: Mapping[str, str] = field(default_factory=dict)
    driver_statements: Mapping[str, str] = field(default_factory=dict)
    env_before: tuple[str, ...] = ()
    env_after: tuple[str, ...] = ()
    adopted: Position | None = None
    baseline: Baseline | None = None
    notes: tuple[str, ...] = ()
    already_there: str = ""
    journal_digest: str = ""
    half_done: HalfDone | None = None
    interrupted_rollback: str = ""
    irreversible: Mapping[str, str] = field(default_factory=dict)
    losses: RollbackLosses = NO_LOSSES
    archive_keep: str = ""

    @property
    def upgraded_from(self) -> Position:
        """The position from which the pending revisions are applied."""
        return self.start if self.adopted is None else self.adopted

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.action is Action.NOTHING

    def signed_fields(self) -> dict[str, Any]:
        """Return the fields that the digest covers: an approval is valid only while none of them changes."""
        return {
            "format": PLAN_FORMAT,
            "environment": self.environment,
            "release_digest": self.release_digest,
            "action": self.action.value,
            "verdict": self.verdict.value,
            "start": list(self.start),
            "end": list(self.end),
            "pending": list(self.pending),
            "statements": list(self.statements),
            "promised": self.promised.as_dict(),
            "fingerprint": self.fingerprint,
            "server_version": self.facts.version,
            "database": self.facts.database,
            "role": self.facts.role,
            "settings": dict(self.facts.settings),
            "hazards": [hazard.signed() for hazard in self.hazards],
            "findings": [finding.signed() for finding in self.findings if finding.rows],
            "resumes": self.resumed_fingerprint,
            "code": dict(self.code),
            "packages": dict(self.packages),
            "data_dependent": dict(self.data_dependent),
            "driver_statements": dict(self.driver_statements),
            "env_statements": [list(self.env_before), list(self.env_after)],
            **({} if self.adopted is None else {"adopts": list(self.adopted)}),
            **({"already_there": self.already_there} if self.already_there else {}),
            **({"half_done": self.half_done.as_dict()} if self.half_done else {}),
            **({"archives": self.archives} if self.archives else {}),
            **({"irreversible": dict(self.irreversible)} if self.irreversible else {}),
            **({"baseline": self.baseline.as_dict()} if self.baseline else {}),
        }

    @property
    def archives(self) -> list[str]:
        """What a rollback archives if it has rows then, and for how long that is kept; a line each."""
        losses = self.losses.losses if self.archive_keep else ()
        return [f"{loss}, kept for {self.archive_keep}" for loss in losses]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of ``signed_fields``."""
        return canonical_digest(self.signed_fields())

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, for ``--json``."""
        return {
            **self.signed_fields(),
            "gated": self.gated,
            "drift": self.drift.as_dict(),
            "obstacles": [str(conflicting) for conflicting in self.conflicting_objects],
            "hazards": [hazard.as_dict() for hazard in self.hazards],
            "findings": [finding.as_dict() for finding in self.findings],
            "unmanaged": list(self.unmanaged),
            "notes": list(self.notes),
            "digest": self.digest,
        }

    @property
    def all_statements(self) -> tuple[str, ...]:
        """The statements of env.py and of the revisions."""
        return (*self.env_before, *self.statements, *self.env_after)

    def declarations(self) -> list[str]:
        """Return what env.py sends by itself, and what the revisions declare of their statements, an item each."""
        return [
            *(
                f"env.py itself sends: {each}"
                for each in display_statements((*self.env_before, *self.env_after))
            ),
            *(f"archives the rows of: {line}" for line in self.archives),
            *(
                f"{name}: this release cannot be rolled back: {why}"
                for name, why in self.irreversible.items()
            ),
            *(f"{name}: its statements depend on data: {why}" for name, why in self.data_dependent.items()),
            *(
                f"{name}: it sends statements past SQLAlchemy: {why}"
                for name, why in self.driver_statements.items()
            ),
        ]

    def summary(self) -> str:
        """Return in one line what the plan does."""
        end = format_position(self.end)
        if self.is_empty:
            return f"{self.environment}: nothing to do, at {end}"
        if self.resumed_fingerprint:
            return f"{self.environment}: continue the interrupted migration to {end}"
        if self.adopted is not None:
            adopted = f"adopt the schema of {format_position(self.adopted)}"
            return f"{self.environment}: {adopted}" + (f" and migrate to {end}" if self.pending else "")
        verb = ACTION_VERBS.get(self.action, "migrate")
        return f"{self.environment}: {verb} {format_position(self.start)} → {end}"
