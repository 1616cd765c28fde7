"""What a revision's script allows by name: ``allow_hazards = {"index-without-concurrently": "reason"}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.hazards import InvalidHazardAllowance
from wish_rollout.core.hazards.assessment import KINDS
from wish_rollout.core.rows.requirements import ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.revisions.scripts import Scripts

ATTRIBUTE = "allow_hazards"
ALLOWABLE = (*sorted(KINDS), ROWS)


def allowances(scripts: Scripts, revision: str) -> Mapping[str, str]:
    """Give kind → reason, as the script says; raise InvalidHazardAllowance for an unknown kind or an empty reason."""
    script = scripts.directory.get_revision(revision)
    said = getattr(script.module, ATTRIBUTE, {}) if script else {}
    if not isinstance(said, dict):
        raise InvalidHazardAllowance(revision, "it is no dict of hazard and reason", ", ".join(ALLOWABLE))
    for kind, reason in said.items():
        if kind not in ALLOWABLE:
            raise InvalidHazardAllowance(revision, f"there is no hazard {kind!r}", ", ".join(ALLOWABLE))
        if not isinstance(reason, str) or not reason.strip():
            raise InvalidHazardAllowance(revision, f"{kind!r} has no reason", ", ".join(ALLOWABLE))
    return {kind: " ".join(reason.split()) for kind, reason in said.items()}
