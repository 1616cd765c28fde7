"""A plan: a release against each environment as it is now, and the digests that name exactly that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from wish_rollout.core.release.release import say
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.plan.database_state import ServerFacts
    from wish_rollout.core.plan.verdict import Verdict
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.rows.requirements import Finding
    from wish_rollout.core.schema.conflicting_objects import ConflictingObject
    from wish_rollout.core.schema.delta import Delta

PLAN_FORMAT = 1


class Action(StrEnum):
    """What a plan does with an environment."""

    NOTHING = "nothing"
    UPGRADE = "upgrade"
    ADOPT = "adopt"
    """The schema is there already, exactly; only the version table is set."""
    CLEAN = "clean"
    """What is in the way is dropped first, with its rows; for disposable environments."""
    ROLLBACK = "rollback"
    """Revisions are taken back."""


@dataclass(frozen=True, slots=True)
class EnvironmentPlan:
    """What will happen to one environment, and what it is like before.

    ``statements``: the SQL as rehearsed. ``promised``: the delta that must come of it, exactly. ``drift``:
    from the promise of its revision to what is there. ``fingerprint``: of the live schema. ``hazards``: what
    the statements endanger in this database as it is, and why that is allowed. ``findings``: its rows that the
    new schema would refuse, and why they are let be.
    ``resumes``: where the release was cut off here on its way, the fingerprint that it has to lead to.
    ``unmanaged``: objects there that are not the release's, and do not count.
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
    obstacles: tuple[ConflictingObject, ...]
    fingerprint: str
    facts: ServerFacts
    hazards: tuple[Hazard, ...] = ()
    findings: tuple[Finding, ...] = ()
    resumes: str = ""
    unmanaged: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.action is Action.NOTHING

    def signed_fields(self) -> dict[str, Any]:
        """Give the fields that the digest covers: change one, and an approval is void."""
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
            "hazards": [hazard.signed() for hazard in self.hazards],
            "findings": [finding.signed() for finding in self.findings if finding.rows],
            "resumes": self.resumes,
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of ``signed_fields``."""
        return digest_of(self.signed_fields())

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            **self.signed_fields(),
            "gated": self.gated,
            "drift": self.drift.as_dict(),
            "obstacles": [str(obstacle) for obstacle in self.obstacles],
            "hazards": [hazard.as_dict() for hazard in self.hazards],
            "findings": [finding.as_dict() for finding in self.findings],
            "unmanaged": list(self.unmanaged),
            "digest": self.digest,
        }

    def summary(self) -> str:
        """Say in one line what will happen."""
        if self.is_empty:
            return f"{self.environment}: nothing to do, at {say(self.end)}"
        if self.resumes:
            return f"{self.environment}: go on with {say(self.end)}, which was cut off on its way"
        what = {Action.ADOPT: "adopt", Action.CLEAN: "clean and migrate", Action.ROLLBACK: "roll back"}.get(
            self.action, "migrate"
        )
        return f"{self.environment}: {what} {say(self.start)} → {say(self.end)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The plans of all environments, in promotion order."""

    release_digest: str
    head: Position
    environments: tuple[EnvironmentPlan, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do anywhere."""
        return all(plan.is_empty for plan in self.environments)

    @property
    def digest(self) -> str:
        """SHA-256 over the release's digest and each environment's."""
        return digest_of([self.release_digest, [plan.digest for plan in self.environments]])

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            "format": PLAN_FORMAT,
            "digest": self.digest,
            "release_digest": self.release_digest,
            "head": list(self.head),
            "nothing_to_do": self.is_empty,
            "environments": [plan.as_dict() for plan in self.environments],
        }


HOLD_NOTHING = ("view", "materialized view", "foreign table")
"""What has columns, and no values of its own."""


def at_stake(promised: Delta) -> str:
    """Name the tables and columns that a delta adds: what will be in them, a rollback would have to keep."""
    added = [change for change in promised.changes if change.change == "added"]
    tables = {change.name for change in added if change.kind == "table"}
    others = tables | {change.name for change in promised.changes if change.kind in HOLD_NOTHING}
    columns = {c.name for c in added if c.kind == "column" and split_last(c.name)[0] not in others}
    return ", ".join(sorted(tables | columns))


def digest_of(value: object) -> str:
    """Hash a JSON value in its canonical form: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
