"""Pending revisions whose changes an environment has already, because their statements allow for that.

A hotfix was made by hand, and the revision that brings it to the other environments says ``IF NOT EXISTS``. Whether
the revision leads from the live schema to exactly the promised one is measured: on a copy of the live schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.rollout.planning.live_rehearsal import rehearse_from_live
from wish_rollout.rollout.planning.rehearsal_results import RehearsalResults

if TYPE_CHECKING:
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

_TOLERANT = re.compile(
    r"\bif\s+(not\s+)?exists\b|\bor\s+replace\b|\bexception\s+when\b|\bdo\s+(language\s+\w+\s+)?(\$|')"
    r"|\balter\s+(column\s+)?(\w+|\"[^\"]+\")\s+(set|drop|type)\b|\b(grant|revoke|comment\s+on|owner\s+to)\b"
    r"|\brow\s+level\s+security\b",
    re.IGNORECASE,
)
"""What a statement contains that can succeed although its change is there already."""
_MEASURED = RehearsalResults[str](lambda reason: not reason)


def find_backport(schema: EnvironmentSchema) -> str:
    """Return what of the pending revisions an environment has already, as text; empty if it cannot be planned.

    It can be planned if the pending revisions lead from the live schema to exactly the promised schema of the head.
    """
    release = schema.project.release
    assessment = schema.assess()
    if assessment.verdict not in (Verdict.DRIFTED, Verdict.AHEAD) or not release.pending(schema.position):
        return ""
    if not any(map(_TOLERANT.search, schema.project.history.statements(schema.position))):
        return ""
    key = (schema.project.release_digest, schema.position, schema.live.fingerprint)
    reason = _MEASURED.get(key, lambda: rehearse_from_live(schema, assessment.drift))
    return "" if reason else f"already there: {summarize_delta(assessment.drift)}"
