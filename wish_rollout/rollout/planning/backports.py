"""Pending revisions whose changes an environment has already, because their statements allow for that.

A hotfix was made by hand, and the revision that brings it to the other environments says ``IF NOT EXISTS``. Whether
the revision leads from the live schema to exactly the promised one is measured: on a copy of the live schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.rollout.project.environment_schema import without_baseline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

_TOLERANT = re.compile(
    r"\bif\s+(not\s+)?exists\b|\bor\s+replace\b|\bexception\s+when\b|\bdo\s+(language\s+\w+\s+)?(\$|')",
    re.IGNORECASE,
)
"""What a statement contains that can succeed although its change is there already."""
_measured: dict[tuple[str, str, str], bool] = {}
"""Results by release, position and live schema: a plan is made several times in one run."""


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
    key = (release.name, "+".join(schema.position), schema.live.fingerprint)
    if key not in _measured:
        _measured[key] = leads_to_head(schema, assessment.drift)
    return f"already there: {summarize_delta(assessment.drift)}" if _measured[key] else ""


def leads_to_head(schema: EnvironmentSchema, drift: Delta) -> bool:
    """Return whether the pending revisions lead from a copy of the live schema to exactly the head's schema.

    The copy has no rows. False also if the live schema cannot be copied, or there is no scratch server.
    """
    from wish_rollout.rollout.project.replay import Replayer
    from wish_rollout.rollout.project.scratch import scratch

    project = schema.project
    live, promise = without_baseline(schema, drift), project.history.at(schema.position)
    roles = Roles("CURRENT_USER", {}, portable=True)
    found = remedy(promise, live, roles, schema.state.facts.major)
    if not found.covered:
        return False
    try:
        with scratch(project) as url:
            replayer = Replayer(project, url)
            replayer.up_to(schema.position)
            execute(url, (statement.sql for statement in found.statements))
            if difference(live, replayer.snapshot()):
                return False
            replayer.up_to(project.release.head, schema.position)
            return not difference(project.history.at(project.release.head), replayer.snapshot())
    except (RolloutError, psycopg.Error):
        return False


def execute(url: str, statements: Iterable[str]) -> None:
    """Execute statements in a scratch database."""
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.rollout.project.base_schema import SCRATCH

    with connect(url, SCRATCH) as connection:
        for statement in statements:
            connection.execute(statement.encode())
