"""Findings of ``drift``: what an inspection of the environments found, by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class FindingKind(StrEnum):
    """All kinds of findings."""

    IN_STEP = "in_step"
    """At the head, with exactly the head's schema."""
    PENDING = "pending"
    """At an earlier revision, with exactly its schema; revisions are pending."""
    DRIFTED = "drifted"
    """At an earlier revision, with another schema."""
    SAME_HEAD = "same_head_different_schema"
    """At the head according to the version table, with another schema."""
    AHEAD = "ahead"
    """The schema is that of a later revision than the version table names."""
    FOREIGN = "foreign"
    """At a revision that the release does not contain."""
    UNREACHABLE = "unreachable"
    """The server does not answer."""
    LOCKED = "locked"
    """Another session holds an ACCESS EXCLUSIVE lock on a table, so its definition cannot be read."""
    INVALID = "invalid_object"
    """An index or a constraint is invalid, and is promised valid."""
    ONLY_HERE = "only_here"
    """An object is neither promised nor in another environment."""
    UNMANAGED = "unmanaged"
    """An object is not the release's, and rollout.toml allows it."""
    BETWEEN = "differs_between"
    """Two environments are at the same revision, with different schemas."""
    MODELS = "model_without_migration"
    """The models declare another schema than the scripts."""


HARMLESS = frozenset({FindingKind.IN_STEP, FindingKind.PENDING, FindingKind.UNMANAGED})
UNREADABLE = frozenset({FindingKind.UNREACHABLE, FindingKind.LOCKED})


@dataclass(frozen=True, slots=True)
class DriftFinding:
    """A finding about some environments, or about the release itself if ``environments`` is empty."""

    found: FindingKind
    environments: tuple[str, ...]
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for ``--json``."""
        return {**asdict(self), "found": self.found.value, "environments": list(self.environments)}

    def __str__(self) -> str:
        return f"{self.found.replace('_', ' ')}: {self.detail}"
