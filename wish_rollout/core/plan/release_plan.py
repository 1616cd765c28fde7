"""The plan of a release: the plans of all environments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wish_rollout.core.release.release import Position

from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.core.plan.plan import PLAN_FORMAT, EnvironmentPlan


@dataclass(frozen=True, slots=True)
class Plan:
    """The plans of all environments, in promotion order."""

    release_digest: str
    head: Position
    environments: tuple[EnvironmentPlan, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do in any environment."""
        return all(plan.is_empty for plan in self.environments)

    @property
    def digest(self) -> str:
        """SHA-256 over the release's digest and the digests of the environments' plans."""
        return canonical_digest([self.release_digest, [plan.digest for plan in self.environments]])

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, for ``--json``."""
        return {
            "format": PLAN_FORMAT,
            "digest": self.digest,
            "release_digest": self.release_digest,
            "head": list(self.head),
            "nothing_to_do": self.is_empty,
            "environments": [plan.as_dict() for plan in self.environments],
        }
