"""The asset checks: evaluated by every verification, and executable by a person at any time."""

from collections.abc import Iterator

import dagster as dg

from wish_rollout.config import Environment
from wish_rollout.core.plan.verification_checks import OTHER_CHECKS, SCHEMA_CHECKS
from wish_rollout.core.release.release import say
from wish_rollout.defs.resources import database_key, target_of
from wish_rollout.defs.runs.failures import told
from wish_rollout.rollout.execution.verification import Verification, verify_environment

DESCRIPTIONS = {**{name: text for name, (text, _) in SCHEMA_CHECKS.items()}, **OTHER_CHECKS}


def check_evaluations(verification: Verification) -> Iterator[dg.AssetCheckEvaluation]:
    """Give each check of a verification as Dagster's event, with what was looked at."""
    seen = verification.seen
    looked_at = {"revision": say(seen.facts.revisions), "fingerprint": seen.snapshot.fingerprint}
    for check in verification.checks:
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["schema", verification.environment]),
            check_name=check.name,
            passed=check.passed,
            description=check.detail,
            metadata={"seen": check.detail, **looked_at},
        )


def checks_for(env: Environment) -> dg.AssetChecksDefinition:
    """Define the checks of ``schema/<env>``, so that they can be executed from the UI."""
    asset = dg.AssetKey(["schema", env.name])
    specs = [dg.AssetCheckSpec(name, asset=asset, description=text) for name, text in DESCRIPTIONS.items()]

    @dg.multi_asset_check(
        name=f"checks_of_{env.name}",
        specs=specs,
        required_resource_keys={"project", database_key(env.name)},
        can_subset=True,
    )
    def execute(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        op_context = context.op_execution_context
        wanted = {check.name for check in op_context.selected_asset_check_keys}
        with told():
            verification = verify_environment(
                op_context.resources.project.project, target_of(op_context, env.name)
            )
        made = {check.name: check for check in verification.checks}
        for name in DESCRIPTIONS:
            if name in wanted:
                check = made.get(name)
                yield dg.AssetCheckResult(
                    asset_key=asset,
                    check_name=name,
                    passed=check.passed if check else True,
                    metadata={"seen": check.detail if check else "does not apply here"},
                )

    return execute
