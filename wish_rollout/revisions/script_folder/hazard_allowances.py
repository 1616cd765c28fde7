"""The hazards that a revision's script allows: ``allow_hazards = {"index-without-concurrently": "reason"}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.errors.hazards import InvalidHazardAllowance
from wish_rollout.core.hazards.assessment import KINDS
from wish_rollout.core.rows.requirements import ROWS
from wish_rollout.revisions.script_folder.script_files import attribute_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.revisions.script_folder.scripts import Scripts

ATTRIBUTE = "allow_hazards"
ALLOWABLE = (*sorted(KINDS), ROWS)


def allowances(scripts: Scripts, revision: str) -> Mapping[str, str]:
    """Return kind → reason from a script, and from rollout.toml for one that is not to be changed.

    Raises InvalidHazardAllowance if a kind is unknown or a reason is empty.
    """
    script = scripts.directory.get_revision(revision)
    allowed = attribute_of(script, ATTRIBUTE, {})
    if not isinstance(allowed, dict):
        raise InvalidHazardAllowance(revision, "it is not a dict of kinds and reasons", ", ".join(ALLOWABLE))
    allowed = {**allowed, **scripts.options.allowed.get(revision, {})}
    for kind, reason in allowed.items():
        if kind not in ALLOWABLE:
            raise InvalidHazardAllowance(revision, f"there is no hazard {kind!r}", ", ".join(ALLOWABLE))
        if not isinstance(reason, str) or not reason.strip():
            raise InvalidHazardAllowance(revision, f"{kind!r} has no reason", ", ".join(ALLOWABLE))
    return {kind: " ".join(reason.split()) for kind, reason in allowed.items()}
