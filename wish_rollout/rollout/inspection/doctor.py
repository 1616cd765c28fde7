"""Looking at everything that a rollout needs."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.ledger import verify
from wish_rollout.core.release.release import say
from wish_rollout.postgres.records.ledger import read
from wish_rollout.rollout.approval.approvals import refuse_unreachable_quorum, approval_rules
from wish_rollout.rollout.inspection.dagster_database import refuse_foreign_dagster_database
from wish_rollout.rollout.inspection.notifications import check_receiver
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.shared_databases import read_database_identities, refuse_same_database
from wish_rollout.rollout.project.project_sandbox import sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``exit_code``: 0 where it is well."""

    name: str
    exit_code: int
    detail: str

    @property
    def passed(self) -> bool:
        """Whether it is well."""
        return self.exit_code == 0

    def as_dict(self) -> dict[str, Any]:
        """Give the fields."""
        return asdict(self)


def run_doctor(project: Project) -> list[Finding]:
    """Look at the configuration, the scripts, their history, each database, Dagster's, and the sandbox."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("configuration", lambda: str(project.config.path)),
        ("scripts", lambda: f"{len(project.release.revisions)} revisions, head {say(project.release.head)}"),
        ("history", lambda: f"release {project.release_digest[:12]}"),
        *((env.name, lambda env=env: database(project, env)) for env in project.config.environment),
        ("environments", lambda: apart(project)),
        ("dagster", lambda: dagster_storage(project)),
        *(
            (f"notify {each.source}", lambda each=each: check_receiver(project.config, each))
            for each in project.config.notify
        ),
        (
            "sandbox",
            lambda: "is up" if sandbox(project.config).running else "is down: wish-rollout sandbox up",
        ),
    ]
    return [finding for name, look in looks for finding in ask(name, look)]


def ask(name: str, look: Callable[[], str]) -> Iterator[Finding]:
    """Look once; a RolloutError is the finding."""
    try:
        yield Finding(name, 0, look())
    except RolloutError as error:
        yield Finding(name, error.exit_code or 1, str(error).replace("\n\n", " "))


def database(project: Project, env: Environment) -> str:
    """Look at one environment's database: reachable, writable, allowed to create."""
    if not env.is_enabled:
        return f"left out, since {env.variable} is not set"
    target = project.target(env.name)
    plan, seen = plan_target(project, target)
    refuse_infeasible(env, plan, project, seen)
    if env.gated:
        refuse_unreachable_quorum(env.name, approval_rules(project, target))
        with target.connect() as connection:
            verify(env.name, list(read(connection)))
    facts = seen.facts
    rights = f"may create in {', '.join(facts.creates_in_schemas) or 'no schema'}"
    state = "read-only" if facts.read_only or facts.in_recovery else "writable"
    return f"PostgreSQL {facts.version}, database {facts.database}, role {facts.role}: {state}, {rights}"


def apart(project: Project) -> str:
    """See that no two environments are one database; those that do not answer are told of by themselves."""
    seen = read_database_identities(project, (env.name for env in project.config.environments))
    refuse_same_database(project, seen)
    return f"{', '.join(seen) or 'none that answers'}: each is a database of its own"


def dagster_storage(project: Project) -> str:
    """Look at Dagster's own database, with a plain connection: its tables come with the first run."""
    from wish_rollout.core.errors.configuration import DagsterUnavailable
    from wish_rollout.postgres.sessions.connections import connect
    from wish_rollout.sandbox.databases import DAGSTER_VARIABLE

    url, home = os.environ.get(DAGSTER_VARIABLE), os.environ.get("DAGSTER_HOME") or str(project.config.root)
    if not url:
        raise DagsterUnavailable(home, "MissingUrl", f"{DAGSTER_VARIABLE} is not set")
    with connect(url, DAGSTER_VARIABLE) as connection:
        refuse_foreign_dagster_database(project.config, connection)
        if "+psycopg2://" not in url:
            reason = f"{DAGSTER_VARIABLE} names no driver, so Dagster's own commands would take one that they cannot use"
            raise DagsterUnavailable(home, "Driver", reason)
        return f"PostgreSQL {connection.info.server_version // 10_000}, database {connection.info.dbname}"
