"""The asset checks of each schema. Each verification evaluates them, and they can be executed in Dagster's UI."""

from collections.abc import Iterator, Set
from contextlib import contextmanager

import dagster as dg

from wish_rollout.config import Config, Environment
from wish_rollout.core.errors.verification import CommitRefused
from wish_rollout.core.plan.verification_checks import OTHER_CHECKS, SCHEMA_CHECKS
from wish_rollout.core.release.release import format_position
from wish_rollout.defs.asset_keys import prefixed, schema_key
from wish_rollout.defs.drift.events import NO_DRIFT, NO_DRIFT_DESCRIPTION
from wish_rollout.defs.drift.job import no_drift_of_verification
from wish_rollout.defs.drift.preflight_events import (
    PREFLIGHT,
    PREFLIGHT_DESCRIPTION,
    current_preflight_evaluation,
)
from wish_rollout.defs.gate.gate_check import GATE, GATE_DESCRIPTION, current_gate_evaluation
from wish_rollout.defs.resources import project_of, required_resources, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.rollout.execution.verification import Verification, verify_environment
from wish_rollout.rollout.project.project import Project

VERIFICATION_CHECKS = {**{name: text for name, (text, _) in SCHEMA_CHECKS.items()}, **OTHER_CHECKS}
"""Description of each check of a verification by name."""
EXACT_DELTA = "exact_delta"
MIGRATION_CHECKS = frozenset({EXACT_DELTA, "idempotent"})
"""Checks that compare the schema with the one before a migration. A later reading proves less, so that it does not
replace their results."""


def check_descriptions(env: Environment) -> dict[str, str]:
    """Return the description of each check of an environment by name."""
    gate = {GATE: GATE_DESCRIPTION} if env.gated else {}
    return {
        **VERIFICATION_CHECKS,
        NO_DRIFT: NO_DRIFT_DESCRIPTION,
        PREFLIGHT: PREFLIGHT_DESCRIPTION,
        **gate,
    }


def check_evaluations(
    context: dg.OpExecutionContext, project: Project, verification: Verification
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the event of each check of a verification, with the revision and fingerprint that were read.

    Ends drift that was recorded before: then a notification is sent.
    """
    state = verification.seen
    revision = format_position(state.facts.revisions)
    failed = {"remedy": f"wish-rollout drift {verification.environment} --sql"}
    for check in verification.checks:
        yield dg.AssetCheckEvaluation(
            asset_key=schema_key(verification.environment, project.config.project.name),
            check_name=check.name,
            passed=check.passed,
            description=check.detail,
            metadata={
                "seen": check.detail,
                "revision": revision,
                "fingerprint": state.snapshot.fingerprint,
                **({} if check.passed else failed),
            },
        )
    yield no_drift_of_verification(context, project.config, verification, revision)


@contextmanager
def refused_commit_as_failed_check(context: dg.OpExecutionContext, project: Project) -> Iterator[None]:
    """Log a failed check if the block raises CommitRefused: the migration did not lead to the promised schema."""
    try:
        yield
    except CommitRefused as error:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=schema_key(error.environment, project.config.project.name),
            check_name=EXACT_DELTA,
            passed=False,
            description=error.difference,
            metadata={"seen": error.difference, "what remains": error.state},
        )
        context.log_event(evaluation)  # type: ignore[arg-type]  # it is accepted; its annotation is older
        raise


def checks_for(config: Config, env: Environment) -> dg.AssetChecksDefinition:
    """Return the checks of ``schema/<env>``. A check that does not apply is not evaluated."""
    asset = schema_key(env.name, config.project.name)
    specs = [
        dg.AssetCheckSpec(name, asset=asset, description=text)
        for name, text in check_descriptions(env).items()
    ]

    @dg.multi_asset_check(
        name=prefixed(f"checks_of_{env.name}", config.project.name),
        description=f"Reads the schema of {env.name} and evaluates its checks. Changes nothing.",
        specs=specs,
        required_resource_keys=required_resources(config),
        can_subset=True,
    )
    def execute(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        selected = {check.name for check in op_context.selected_asset_check_keys}
        with rollout_errors_as_failures():
            yield from evaluate_checks(op_context, env, selected)

    return execute


def evaluate_checks(
    context: dg.OpExecutionContext, env: Environment, selected: Set[str]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the results of the selected checks that apply now.

    Of the checks of a migration, only failures are yielded, or a first result: a later reading proves less.
    """
    project, target = project_of(context), target_of(context, env.name)
    key = schema_key(env.name, project.config.project.name)
    evaluations: list[dg.AssetCheckEvaluation] = []
    if selected - {GATE, PREFLIGHT}:
        evaluations += check_evaluations(context, project, verify_environment(project, target))
    if GATE in selected:
        evaluations.append(current_gate_evaluation(context.instance, project, target))
    if PREFLIGHT in selected:
        evaluations.append(current_preflight_evaluation(project, target))
    for each in evaluations:
        check_key = dg.AssetCheckKey(key, each.check_name)
        is_weaker = each.check_name in MIGRATION_CHECKS and each.passed
        if each.check_name not in selected or (
            is_weaker and context.instance.get_latest_asset_check_evaluation_record(check_key)
        ):
            continue
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=each.check_name,
            passed=each.passed,
            severity=each.severity,
            description=each.description,
            metadata=each.metadata,
        )
