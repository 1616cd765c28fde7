"""Reading environments and saying what the release will do to each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wish_rollout.core.database_errors import MayNotCreate, ReadOnlyDatabase, SchemaMissing
from wish_rollout.core.delta import Delta, difference
from wish_rollout.core.errors import RolloutError
from wish_rollout.core.ledger_errors import LedgerClosed, LedgerMissing
from wish_rollout.core.names import split_first
from wish_rollout.core.obstacle import obstacles, without
from wish_rollout.core.plan import Action, EnvironmentPlan, Plan
from wish_rollout.core.plan_errors import Drifted, MayNotAdopt, MayNotClean, ObjectsInTheWay, SchemaAhead
from wish_rollout.core.release import say
from wish_rollout.core.release_errors import ForeignRevision
from wish_rollout.core.verdict import Judgement, Verdict, judge
from wish_rollout.postgres.journal import Journal
from wish_rollout.postgres.sighting import look
from wish_rollout.rollout.judging import refuse_hazards, with_hazards

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.release import Position
    from wish_rollout.core.sighting import Sighting
    from wish_rollout.rollout.project import Project, Target


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for objects in the way: environments to adopt, and to clean."""

    adopt: tuple[str, ...] = ()
    clean: tuple[str, ...] = ()


NO_CHOICES = Choices()


def make_plan(
    project: Project, targets: Sequence[Target], choices: Choices = NO_CHOICES
) -> tuple[Plan, dict[str, RolloutError]]:
    """Look at every environment and plan each; give as well why a plan cannot be carried out, by environment.

    Raises the first thing that cannot be looked at.
    """
    plans, against = [], {}
    for target in targets:
        plan, seen = plan_target(project, target, choices)
        plans.append(plan)
        try:
            refuse_unfit(target.environment, plan, project, seen)
        except RolloutError as error:
            against[target.name] = error
    return Plan(project.release_digest, project.release.head, tuple(plans)), against


def plan_target(
    project: Project, target: Target, choices: Choices = NO_CHOICES
) -> tuple[EnvironmentPlan, Sighting]:
    """Look at one environment and plan it, hazards included; give what was seen as well."""
    with target.connect() as connection:
        return plan_on(project, target, connection, choices)


def plan_on(
    project: Project,
    target: Target,
    connection: psycopg.Connection[Any],
    choices: Choices = NO_CHOICES,
) -> tuple[EnvironmentPlan, Sighting]:
    """Do the same over a session in autocommit that the caller holds."""
    seen = look(connection, target.scope)
    plan = plan_for(project, target.environment, seen, choices)
    journal = Journal(connection, plan.release_digest)
    if plan.action is Action.UPGRADE and journal.read():
        plan = replace(plan, resumes=journal.expected)
    return with_hazards(project, connection, plan), seen


def plan_for(
    project: Project, env: Environment, seen: Sighting, choices: Choices = NO_CHOICES
) -> EnvironmentPlan:
    """Plan one environment from what was seen of it, but for its hazards."""
    release, history = project.release, project.history
    judgement = judge(release, seen, history.at, project.count)
    start = seen.facts.revisions
    known = judgement.verdict is not Verdict.FOREIGN
    pending = release.pending(start) if known else ()
    promised = history.promised(start, release.head) if known else Delta(())
    found = obstacles(promised, history.at(release.head), seen.snapshot) if pending else ()
    action = _action(env, judgement, bool(pending), choices)
    return EnvironmentPlan(
        environment=env.name,
        gated=env.gated,
        release_digest=project.release_digest,
        action=action,
        verdict=judgement.verdict,
        start=start,
        end=release.head,
        pending=tuple(f"{revision.id} {revision.message}".strip() for revision in pending),
        statements=history.statements(start) if known and action is not Action.ADOPT else (),
        promised=promised,
        drift=judgement.drift,
        obstacles=found,
        unmanaged=judgement.unmanaged,
        fingerprint=seen.snapshot.fingerprint,
        facts=seen.facts,
    )


def _action(env: Environment, judgement: Judgement, pending: bool, choices: Choices) -> Action:
    if not pending or judgement.verdict is Verdict.FOREIGN:
        return Action.NOTHING
    if env.name in choices.adopt:
        return Action.ADOPT
    if env.name in choices.clean:
        return Action.CLEAN
    return Action.UPGRADE


def refuse_unfit(env: Environment, plan: EnvironmentPlan, project: Project, seen: Sighting) -> None:
    """Raise what stands against carrying the plan out; the most telling reason comes first."""
    refuse_foreign(env, plan.start, project)
    for refuse in (_cannot_write, _cannot_adopt, _cannot_clean, _in_the_way, _drifted):
        refuse(env, plan, project, seen)
    refuse_hazards(plan)


def refuse_foreign(env: Environment, position: Position, project: Project) -> None:
    """Raise ForeignRevision where the database is at a revision that the release does not know."""
    known = {revision.id for revision in project.release.revisions}
    strange = next((name for name in position if name not in known), None)
    if strange:
        raise ForeignRevision(strange, say(project.release.head), f"'{env.name}'")


def _cannot_write(env: Environment, plan: EnvironmentPlan, project: Project, seen: Sighting) -> None:
    facts = plan.facts
    if plan.is_empty:
        return
    if facts.in_recovery:
        raise ReadOnlyDatabase(env.name, "the server is a replica (in recovery)")
    if facts.read_only:
        raise ReadOnlyDatabase(env.name, "default_transaction_read_only is on for this session")
    schemas = created_in(plan.promised)
    if not plan.start:
        schemas.add(project.config.release.version_table.split(".", maxsplit=1)[0])
    missing = sorted(schemas - set(facts.creates_in_schemas))
    if missing and missing[0] != "public" and ("schema", missing[0]) not in seen.snapshot.objects:
        raise SchemaMissing(env.name, missing[0], facts.role)
    if missing:
        raise MayNotCreate(env.name, facts.role, f"SCHEMA {missing[0]}")
    makes_schema = any(
        change.kind in ("schema", "extension") and change.change == "added"
        for change in plan.promised.changes
    )
    if makes_schema and not facts.creates_in_database:
        raise MayNotCreate(env.name, facts.role, f"DATABASE {facts.database}")
    if not facts.writes_ledger and facts.ledger:
        raise LedgerClosed(env.name, facts.role)
    if not facts.writes_ledger:
        raise LedgerMissing(env.name, facts.role, facts.database)


def created_in(promised: Delta) -> set[str]:
    """Name the schemas in which the delta creates objects, but for those that it creates itself."""
    made = {
        change.name for change in promised.changes if change.kind == "schema" and change.change == "added"
    }
    kinds = ("table", "view", "materialized view", "sequence", "enum", "domain", "function", "composite type")
    return {
        split_first(change.name)
        for change in promised.changes
        if change.change == "added" and change.kind in kinds and "." in change.name
    } - made


def _cannot_adopt(env: Environment, plan: EnvironmentPlan, project: Project, seen: Sighting) -> None:
    if plan.action is Action.ADOPT:
        missing = difference(project.history.at(plan.end), project.count(seen.snapshot).snapshot)
        if missing:
            raise MayNotAdopt(env.name, brief(missing))


def _cannot_clean(env: Environment, plan: EnvironmentPlan, project: Project, seen: Sighting) -> None:
    if plan.action is not Action.CLEAN:
        return
    if not env.disposable:
        raise MayNotClean(env.name)
    left = without(seen.snapshot, plan.obstacles)
    if drift := difference(project.history.at(plan.start), project.count(left).snapshot):
        raise Drifted(env.name, say(plan.start), brief(drift))


def _in_the_way(env: Environment, plan: EnvironmentPlan, project: Project, seen: Sighting) -> None:
    if plan.obstacles and plan.action is Action.UPGRADE and not plan.resumes:
        same = not difference(project.history.at(plan.end), project.count(seen.snapshot).snapshot)
        raise ObjectsInTheWay(env.name, "; ".join(map(str, plan.obstacles)), ways_out(env, adoptable=same))


def _drifted(env: Environment, plan: EnvironmentPlan, _project: Project, _seen: Sighting) -> None:
    if plan.action in (Action.ADOPT, Action.CLEAN) or plan.resumes:
        return
    if plan.verdict is Verdict.AHEAD:
        raise SchemaAhead(env.name, say(plan.start), say(plan.end))
    if plan.verdict is Verdict.DRIFTED:
        raise Drifted(env.name, say(plan.start), brief(plan.drift))


def ways_out(env: Environment, *, adoptable: bool) -> str:
    """Say which of the three ways are open: adopt, clean, adapt."""
    adopt = (
        f"adopt it, since it is exactly what the release would have made: wish-rollout apply --adopt {env.name}"
        if adoptable
        else "it cannot be adopted, since it is not exactly what the release would have made"
    )
    clean = (
        f"drop it, with its rows: wish-rollout apply --clean {env.name}"
        if env.disposable
        else f"it cannot be cleaned away, since '{env.name}' is not disposable: coordinate with its owners"
    )
    return (
        f"(1) {adopt}; (2) {clean}; (3) write a revision that adapts it: wish-rollout generate -m 'adapt …'"
    )


def brief(delta: Delta, most: int = 6) -> str:
    """Name the first few changes of a delta in one line."""
    named = [f"{change.change} {change.kind} {change.name}" for change in delta.changes[:most]]
    more = len(delta.changes) - most
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
