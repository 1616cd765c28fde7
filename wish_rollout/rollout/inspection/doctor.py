"""Diagnosis of the configuration, the scripts, the databases and the services that a rollout needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.fleet.waves import assign_waves
from wish_rollout.core.ledger import verify_chain
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.records.ledger import read
from wish_rollout.rollout.approval.approver_rules import (
    approval_rules,
    configured_rules,
    refuse_unreachable_quorum,
)
from wish_rollout.rollout.inspection.check_results import CheckResult, name_repeated_failures
from wish_rollout.rollout.inspection.dagster_database import (
    claim_project_name,
    refuse_foreign_dagster_database,
    refuse_taken_project_name,
)
from wish_rollout.rollout.inspection.database_settings import describe_settings
from wish_rollout.rollout.inspection.notifications import check_receiver
from wish_rollout.rollout.planning.accepted_differences import describe_changes, describe_version
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.shared_databases import read_database_identities, refuse_same_database
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema
from wish_rollout.rollout.servers.fleet_targets import read_fleet
from wish_rollout.rollout.servers.project_sandbox import sandbox
from wish_rollout.rollout.servers.scratch import scratch
from wish_rollout.rollout.servers.scratch_choice import choose_scratch_server
from wish_rollout.sandbox.errors import SandboxMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project


def run_doctor(project: Project, *, claim: bool = False) -> list[CheckResult]:
    """Check configuration, scripts, history, databases, Dagster, receivers and the sandbox; return the results.

    ``claim``: register this project under its name in Dagster's database.
    """
    checks: list[tuple[str, Callable[[], str]]] = [
        ("configuration", lambda: str(project.config.path)),
        ("scripts", lambda: check_scripts(project)),
        ("history", lambda: f"release {project.release_digest[:12]}"),
        *((env.name, lambda env=env: check_database(project, env)) for env in project.config.environment),
        ("environments", lambda: check_separate_databases(project)),
        ("settings", lambda: describe_settings(project)),
        ("dagster", lambda: check_dagster_database(project, claim=claim)),
        *(
            (f"notify {each.source}", lambda each=each: check_receiver(project.config, each))
            for each in project.config.notify
        ),
        ("scratch server", lambda: check_scratch_server(project)),
        ("sandbox", lambda: check_sandbox(project)),
    ]
    return name_repeated_failures([run_check(name, check) for name, check in checks])


def check_scripts(project: Project) -> str:
    """Execute all scripts, and return how many they are, and where they lead to.

    Raises what ``Scripts.release`` raises, and ScriptUnreadable.
    """
    project.scripts.load()
    return f"{len(project.release.revisions)} revisions, head {format_position(project.release.head)}"


def check_scratch_server(project: Project) -> str:
    """Return the server on which scripts are replayed, and create a scratch database with the platform there.

    Raises what ``scratch`` raises.
    """
    chosen = choose_scratch_server(project)
    with scratch(project):
        pass
    considered = f" (not used: {'; '.join(chosen.considered)})" if chosen.considered else ""
    return f"{chosen}{considered}"


def check_sandbox(project: Project) -> str:
    """Return the state of the sandbox, which is optional."""
    try:
        running = sandbox(project.config).is_running
    except SandboxMissing:
        return "not installed; to install it: pip install 'wish-rollout[sandbox]'"
    return "running" if running else "not running; to start it: wish-rollout sandbox up"


def run_check(name: str, check: Callable[[], str]) -> CheckResult:
    """Return the result of a check. ``check`` returns a summary, or raises a RolloutError if it fails."""
    try:
        return CheckResult(name, 0, check())
    except RolloutError as error:
        return CheckResult(name, error.exit_code or 1, str(error).replace("\n\n", " "))


def check_database(project: Project, env: Environment) -> str:
    """Return a summary of one environment's database; raise what would prevent a rollout to it."""
    if not env.is_enabled:
        return f"disabled, because {env.variable} is not set"
    if env.is_fleet:
        return describe_fleet(project, env)
    target = project.target(env.name)
    plan, state = plan_target(project, target)
    refuse_infeasible(env, plan, project, state)
    if env.gated:
        refuse_unreachable_quorum(env.name, approval_rules(project, target))
        with target.connect() as connection:
            verify_chain(env.name, list(read(connection)))
    facts = state.facts
    schemas = ", ".join(facts.creates_in_schemas) or "no schema"
    version = "".join(f"; {each}" for each in describe_version(project, facts.major))
    access = "read-only" if facts.read_only or facts.in_recovery else "writable"
    return (
        f"PostgreSQL {facts.version}, database {facts.database}, role {facts.role}: "
        f"{access}, may create in {schemas}{version}{describe_baseline(EnvironmentSchema(project, state))}"
    )


def describe_fleet(project: Project, env: Environment) -> str:
    """Return how many targets a fleet has, and in which waves; raise what would prevent a rollout to it."""
    if env.gated:
        refuse_unreachable_quorum(env.name, configured_rules(project, env))
    targets = read_fleet(project.config, env)
    waves = assign_waves(env.name, env.waves, [target.listed for target in targets])
    listed = ", ".join(f"{each.wave.name} {len(each.targets)}" for each in waves)
    return f"{len(targets)} targets, not connected to; waves: {listed}"


def describe_baseline(schema: EnvironmentSchema) -> str:
    """Return how an environment may differ from the schema of the scripts, and whether the ledger records it."""
    if not schema.baseline.accepted:
        return ""
    recorded = "recorded" if schema.state.baseline else "to be recorded by the next apply, or: apply --adopt"
    return f"; baseline ({recorded}): {'; '.join(describe_changes(schema.baseline.accepted.changes))}"


def check_separate_databases(project: Project) -> str:
    """Return the environments whose databases are different; raise EnvironmentsShareDatabase.

    Unreachable databases are omitted here, because their own checks report them.
    """
    identities = read_database_identities(project, (env.name for env in project.config.single_environments))
    refuse_same_database(project, identities)
    return f"{', '.join(identities) or 'no reachable environment'}: each has its own database"


def check_dagster_database(project: Project, *, claim: bool = False) -> str:
    """Return a summary of Dagster's database; raise DagsterUnavailable, NotDagsterDatabase, ProjectNameTaken.

    ``claim``: register this project under its name first.

    The check connects without Dagster, because Dagster creates its tables when it first opens the database.
    """
    from wish_rollout.core.errors.dagster import DagsterUnavailable
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

    url, home = os.environ.get(DAGSTER_VARIABLE), os.environ.get("DAGSTER_HOME") or str(project.config.root)
    if not url:
        raise DagsterUnavailable(home, "DatabaseUrlMissing", f"{DAGSTER_VARIABLE} is not set")
    with connect(url, DAGSTER_VARIABLE) as connection:
        refuse_foreign_dagster_database(project.config, connection)
        if claim:
            claim_project_name(project.config, connection, replace=True)
        refuse_taken_project_name(project.config, connection)
        if "+psycopg2://" not in url:
            reason = (
                f"{DAGSTER_VARIABLE} does not name the driver psycopg2 (postgresql+psycopg2://), "
                "so Dagster's own commands would load one that they do not support"
            )
            raise DagsterUnavailable(home, "Driver", reason)
        return f"PostgreSQL {connection.info.server_version // 10_000}, database {connection.info.dbname}"
