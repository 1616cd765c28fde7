"""The state of a target: what is known of it, if its state token is the same, or else what its catalog says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.fleet.results import TargetStatus
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.facts.state_token import read_state_token
from wish_rollout.postgres.facts.write_counters import read_write_counters
from wish_rollout.rollout.inspection.environment_status import status_of_state

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.rollout.fleet.known_states import KnownState
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class TargetReading:
    """What was read of a target. ``state``: None if the known state holds. ``counters``: of ``read_write_counters``.

    ``is_proven``: whether the state token was read, and not only the counters.
    """

    token: str
    instance: str
    state: DatabaseState | None
    counters: str = ""
    is_proven: bool = True


def read_changes(project: Project, target: Target, known: KnownState) -> TargetReading:
    """Return the same as ``read_target``, but read the state token only if rows were written since the last reading.

    A change of the last minute may be missed: it is found by the next reading. Raises as ``Target.connect``.
    """
    with target.connect() as connection:
        instance, counters = read_write_counters(connection)
        if known.holds_by_counters(instance, counters, project.assessment_digest):
            return TargetReading(known.token, instance, None, counters, is_proven=False)
        return replace(_read(connection, project, target, known), counters=counters)


def read_target(project: Project, target: Target, known: KnownState) -> TargetReading:
    """Read the state token of a target, and its catalog unless the known state holds. Raises as ``Target.connect``."""
    with target.connect() as connection:
        return _read(connection, project, target, known)


def _read(
    connection: psycopg.Connection[Any], project: Project, target: Target, known: KnownState
) -> TargetReading:
    # before the catalog, so that a change between them is read next time
    token, instance = read_state_token(connection, target.scope.version_table)
    if known.holds(token, project.assessment_digest):
        return TargetReading(token, instance, None)
    return TargetReading(token, instance, read_database_state(connection, target.scope))


def assess_target(project: Project, name: str, reading: TargetReading) -> TargetStatus:
    """Return the status of a target whose catalog was read. ``name``: without that of the fleet. Raises as ``assess`` does."""
    assert reading.state is not None
    found = status_of_state(project, name, reading.state)
    return TargetStatus(
        name,
        found.verdict.value,
        found.position,
        found.pending,
        project.fingerprinted_part(reading.state.snapshot).fingerprint,
        summarize_delta(found.assessment.drift) if found.assessment.drift else "",
        reading.state.facts.version,
        reading.instance,
        reading.token,
        project.assessment_digest,
    )
