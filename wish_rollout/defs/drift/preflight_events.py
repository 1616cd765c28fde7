"""The check ``preflight`` of each environment, and the events of a preflight that refuses the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.plans import SchemaDrifted
from wish_rollout.core.release.release import format_position
from wish_rollout.defs.asset_keys import parent_keys, schema_key
from wish_rollout.defs.drift.events import describe_drift, materialized_status
from wish_rollout.defs.events.kept_checks import FINGERPRINT, kept_evaluations
from wish_rollout.rollout.inspection.environment_status import read_environment_status
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.plan.release_plan import Plan
    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

PREFLIGHT = "preflight"
RELEASE = "release"
PREFLIGHT_DESCRIPTION = (
    "The release can be applied: no drift, no conflicting object, no row that violates it."
)


def preflight_evaluation(
    project: Project,
    environment: str,
    text: str,
    error: RolloutError | None = None,
    plan: EnvironmentPlan | None = None,
) -> dg.AssetCheckEvaluation:
    """Return the event of a preflight. ``error``: why the release cannot be applied to the environment.

    ``plan``: the plan that can be executed. The result holds for its release and the schema that it was made for.
    """
    metadata = {"seen": text}
    if plan:
        metadata |= {FINGERPRINT: plan.fingerprint, RELEASE: project.release_digest}
    if error:
        metadata |= {"error": type(error).__name__, "what to do": error.fill(error.hint)}
    return dg.AssetCheckEvaluation(
        asset_key=schema_key(environment, project.config.project.name),
        check_name=PREFLIGHT,
        passed=error is None,
        description=text,
        metadata=metadata,
    )


def passed_evaluations(project: Project, plan: Plan) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the event of each environment of a plan that can be executed."""
    for each in plan.environments:
        yield preflight_evaluation(project, each.environment, each.summary(), plan=each)


def preflight_of_status(
    instance: dg.DagsterInstance, project: Project, status: EnvironmentStatus
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield what the state of an environment says about its preflight: it is red while the schema has drifted."""
    name = status.environment
    if status.state and status.assessment.allows_migration:
        yield from preflight_of_schema(instance, project, name, status.state)
    elif status.state:
        drifted = SchemaDrifted(name, status.position, describe_drift(status))
        yield preflight_evaluation(project, name, drifted.fill(drifted.summary), drifted)


def preflight_of_schema(
    instance: dg.DagsterInstance, project: Project, name: str, state: DatabaseState
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield what is known of the preflight of an environment without drift, when it is materialized outside of a rollout.

    If the environment is behind, the earlier result is yielded again, provided that it is about this release and this
    schema: a new plan would count rows.
    """
    if state.facts.revisions == project.release.head:
        text = f"{name}: nothing to do, at {format_position(state.facts.revisions)}"
        yield preflight_evaluation(project, name, text)
        return
    fingerprint = project.fingerprinted_part(state.snapshot).fingerprint
    required = {FINGERPRINT: fingerprint, RELEASE: project.release_digest}
    yield from kept_evaluations(
        instance, schema_key(name, project.config.project.name), [PREFLIGHT], required
    )


def refusal_events(
    instance: dg.DagsterInstance, project: Project, targets: Sequence[Target], error: RolloutError
) -> Iterator[dg.AssetCheckEvaluation | dg.AssetMaterialization]:
    """Yield the events of a refused release: the reason on the environment that caused it, and the others' schemas.

    Dagster shows each asset of a failed run as failed, unless the run materializes it. So the other environments are
    materialized as they are: nothing was changed there, and nothing is wrong with them.
    """
    refused = str(error.as_dict().get("environment") or "")
    for target in targets:
        if target.name == refused:
            yield preflight_evaluation(project, refused, error.fill(error.summary), error)
        elif refused:
            status = read_environment_status(project, target)
            if status.state and status.assessment.allows_migration:
                parents = parent_keys(project.config, target.name)
                yield preflight_evaluation(
                    project, target.name, f"nothing was changed: refused for {refused}"
                )
                yield materialized_status(instance, project, status, parents)


def current_preflight_evaluation(project: Project, target: Target) -> dg.AssetCheckEvaluation:
    """Return the evaluation of a preflight of one environment as it is now."""
    try:
        plan, state = plan_target(project, target)
        refuse_infeasible(target.environment, plan, project, state)
    except RolloutError as error:
        return preflight_evaluation(project, target.name, error.fill(error.summary), error)
    return preflight_evaluation(project, target.name, plan.summary(), plan=plan)
