"""The verification of an environment: its live schema is exactly the promised one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.verification import RevisionWouldRun, SchemaVerificationFailed
from wish_rollout.core.plan.verification_checks import Check, check_schema, failed_checks
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.facts.row_counts import count_rows
from wish_rollout.rollout.execution.statement_checks import guard_for
from wish_rollout.rollout.planning.drift_refusals import refuse_position
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class Verification:
    """The live state of an environment, and the result of each check.

    ``rows``: rows per table; the planner's estimate if there are many tables, None if the role cannot read it.
    ``unmanaged``: names of objects that do not belong to the release and are not compared.
    """

    environment: str
    seen: DatabaseState
    checks: tuple[Check, ...]
    rows: Mapping[str, int | None]
    drift: Delta
    seconds: float
    unmanaged: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return not failed_checks(self.checks)

    def raise_if_failed(self) -> None:
        """Raise SchemaVerificationFailed, with the failed checks and the first one's detail."""
        failed = failed_checks(self.checks)
        if failed:
            names = ", ".join(check.name for check in failed)
            raise SchemaVerificationFailed(self.environment, names, failed[0].detail)

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON values, for ``--json``."""
        facts = self.seen.facts
        return {
            "environment": self.environment,
            "passed": self.passed,
            "revision": list(facts.revisions),
            "fingerprint": self.seen.snapshot.fingerprint,
            "server_version": facts.version,
            "checks": [check.as_dict() for check in self.checks],
            "drift": self.drift.as_dict(),
            "rows": dict(self.rows),
            "unmanaged": list(self.unmanaged),
            "seconds": round(self.seconds, 3),
        }


def verify_environment(
    project: Project, target: Target, *, expected: str | None = None, again: bool = False
) -> Verification:
    """Verify an environment against its revision's promise.

    ``expected``: the fingerprint that a migration before must have led to. ``again``: also check that a second
    run of the release has nothing to do. Raises ForeignRevision; a failed check is in the result.
    """
    started = time.perf_counter()
    with target.connect() as connection:
        seen = read_database_state(connection, target.scope)
        position = seen.facts.revisions
        refuse_position(target.environment, position, project)
        schema = EnvironmentSchema(project, seen)
        counted = schema.managed
        found = project.fingerprinted_part(seen.snapshot).fingerprint
        drift, checks = check_schema(schema.at(position), counted.snapshot, expected, found)
        if again:
            checks += (check_idempotent(project, target, connection),)
        if target.environment.runs_revision_checks and position:
            checks += check_behaviour(project, connection, position[-1])
        rows = count_rows(connection, [name for name, _ in seen.snapshot.of_kind("table")])
    return Verification(
        target.name, seen, checks, rows, drift, time.perf_counter() - started, counted.unmanaged
    )


def check_idempotent(project: Project, target: Target, connection: psycopg.Connection[Any]) -> Check:
    """Return the check that Alembic finds no revision to run. A revision that it finds is not run."""
    from wish_rollout.revisions.runs.script_runs import migrate
    from wish_rollout.revisions.statements.run_hooks import Hooks

    if not project.release.head:
        return Check("idempotent", passed=True, detail="there are no revisions")
    hooks = Hooks(step=refuse_step, guard=guard_for(project, target, None))
    try:
        migrate(project.script_run(target, connection), project.release.head, hooks=hooks)
    except RevisionWouldRun as would:
        return Check("idempotent", passed=False, detail=f"running it again would run {would.revision}")
    return Check("idempotent", passed=True, detail="running it again does nothing")


def refuse_step(revision: str) -> None:
    """Raise RevisionWouldRun: a verification runs no revision."""
    raise RevisionWouldRun(revision)


def check_behaviour(
    project: Project, connection: psycopg.Connection[Any], revision: str
) -> tuple[Check, ...]:
    """Run the revision's ``verify()`` function, if it has one, in a transaction that is rolled back."""
    from wish_rollout.revisions.behaviour import run_verify

    failure = run_verify(project.scripts, connection, revision, project.config.release.search_path)
    if failure is None:
        return ()
    return (Check("behaviour", failure == "", failure or f"verify() of {revision} holds"),)
