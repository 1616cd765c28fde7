"""What a look at the environments found, by name: an answer a line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class FindingKind(StrEnum):
    """Every answer that ``drift`` knows."""

    IN_STEP = "in_step"
    """At the head, and exactly what the head leads to."""
    PENDING = "pending"
    """Exactly what its revision leads to, and revisions are pending."""
    DRIFTED = "drifted"
    """Behind the head, and its schema is not what its revision leads to."""
    SAME_HEAD = "same_head_different_schema"
    """At the head by its version table, and its schema is not what the head leads to."""
    AHEAD = "ahead"
    """The schema of a later revision than the version table names."""
    FOREIGN = "foreign"
    """At a revision that the release does not know."""
    UNREACHABLE = "unreachable"
    """No answer."""
    LOCKED = "locked"
    """Somebody holds a table so that not even its definition can be read."""
    INVALID = "invalid_object"
    """An index or a constraint that only half-exists, and is promised whole."""
    ONLY_HERE = "only_here"
    """An object that no other environment has, and the promise does not."""
    UNMANAGED = "unmanaged"
    """An object that is not the release's, where rollout.toml says that it may be there."""
    BETWEEN = "differs_between"
    """Two environments are at one revision, and their schemas differ."""
    MODELS = "model_without_migration"
    """The declared schema is not what the scripts lead to."""


HARMLESS = frozenset({FindingKind.IN_STEP, FindingKind.PENDING, FindingKind.UNMANAGED})
UNSEEN = frozenset({FindingKind.UNREACHABLE, FindingKind.LOCKED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. ``environments``: whom it is about; none, if it is about the release itself."""

    found: FindingKind
    environments: tuple[str, ...]
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Give the fields."""
        return {**asdict(self), "found": self.found.value, "environments": list(self.environments)}

    def __str__(self) -> str:
        return f"{self.found.replace('_', ' ')}: {self.detail}"
