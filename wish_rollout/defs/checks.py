"""The asset checks of each schema. Each verification evaluates them, and they can be executed in Dagster's UI."""

from collections.abc import Iterator

import dagster as dg

from wish_rollout.config import Environment
from wish_rollout.core.plan.verification_checks import OTHER_CHECKS, SCHEMA_CHECKS
from wish_rollout.core.release.release import format_position
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.resources import database_key, target_of
from wish_rollout.defs.runs.failures import rollout_errors_as_failures
from wish_rollout.rollout.execution.verification import Verification, verify_environment

DESCRIPTIONS = {**{name: text for name, (text, _) in SCHEMA_CHECKS.items()}, **OTHER_CHECKS}
"""Description of each check by name."""


def check_evaluations(verification: Verification) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield the event of each check of a verification, with the revision and fingerprint that were read."""
    state = verification.seen
    read_from = {
        "revision": format_position(state.facts.revisions),
        "fingerprint": state.snapshot.fingerprint,
    }
    for check in verification.checks:
        yield dg.AssetCheckEvaluation(
            asset_key=schema_key(verification.environment),
            check_name=check.name,
            passed=check.passed,
            description=check.detail,
            metadata={"seen": check.detail, **read_from},
        )


def checks_for(env: Environment) -> dg.AssetChecksDefinition:
    """Return the checks of ``schema/<env>``."""
    asset = schema_key(env.name)
    specs = [dg.AssetCheckSpec(name, asset=asset, description=text) for name, text in DESCRIPTIONS.items()]

    @dg.multi_asset_check(
        name=f"checks_of_{env.name}",
        description=f"Reads the schema of {env.name} and evaluates its checks. Changes nothing.",
        specs=specs,
        required_resource_keys={"project", database_key(env.name)},
        can_subset=True,
    )
    def execute(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        selected = {check.name for check in op_context.selected_asset_check_keys}
        with rollout_errors_as_failures():
            verification = verify_environment(
                op_context.resources.project.project, target_of(op_context, env.name)
            )
        evaluated = {check.name: check for check in verification.checks}
        for name in DESCRIPTIONS:
            if name in selected:
                check = evaluated.get(name)
                yield dg.AssetCheckResult(
                    asset_key=asset,
                    check_name=name,
                    passed=check.passed if check else True,
                    metadata={"seen": check.detail if check else "not applicable"},
                )

    return execute
