"""How a plan and a run's outcome are told."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from wish_rollout.cli import output
from wish_rollout.core.schema.delta_rendering import visible
from wish_rollout.core.text.statement_display import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.rows.requirements import Finding
    from wish_rollout.defs.launch import RunOutcome


NOTHING: Mapping[str, Any] = MappingProxyType({})


def show_plan(plan: EnvironmentPlan) -> None:
    """Print one environment's plan: the summary, what drifted or stands in the way, the delta, the SQL."""
    output.say(f"── {plan.summary()}  ({plan.verdict}, PostgreSQL {plan.facts.version})")
    if plan.drift and not plan.obstacles and not plan.resumes:
        output.say("what is there is not what its revision promises:")
        output.show_delta(plan.drift)
    for name in plan.unmanaged:
        output.say(f"unmanaged: {visible(name)}")
    for obstacle in plan.obstacles:
        output.say(f"in the way: {obstacle}")
    if plan.promised:
        output.say("what it promises:")
        output.show_delta(plan.promised)
    for hazard in plan.hazards:
        output.say(f"hazard: {hazard}")
        output.say(f"    {hazard.why}")
        output.say(f"    {f'allowed: {hazard.allowed}' if hazard.allowed else not_allowed(plan)}")
    for finding in plan.findings:
        show_finding(finding)
    if plan.statements:
        output.say("SQL:")
        for statement in shown(plan.statements):
            output.say("    " + statement.replace("\n", "\n    "))
    output.say()


def not_allowed(plan: EnvironmentPlan) -> str:
    """Say what it means that a revision allows a hazard nowhere: what takes it back need not be foreseen there."""
    from wish_rollout.core.plan.plan import Action

    return "for the approver to allow" if plan.action is Action.ROLLBACK else "NOT ALLOWED"


def show_finding(finding: Finding) -> None:
    """Print rows that do not fit: how many, the SQL that shows them, and why they are let be or not."""
    output.say(f"rows: {visible(finding.says)}")
    output.say(f"    see them: {visible(finding.sql)};")
    if finding.allowed:
        output.say(f"    allowed: {finding.allowed}")
    elif finding.rows:
        output.say(f"    NOT ALLOWED; rehearsed with some of them: {visible(finding.rehearsed)}")


def finish(outcome: RunOutcome, *, json: bool, done: str = "", more: Mapping[str, Any] = NOTHING) -> None:
    """Print a run's account, and exit: 0, 3 at a gate, or the failed step's code. ``more``: for ``--json``."""
    if json:
        output.show_json({**outcome.as_dict(), **more})
    else:
        show_stages(outcome)
        if outcome.success and done:
            output.say(done)
    if not outcome.success:
        if outcome.exit_code:
            output.note(f"error: {outcome.error or 'the run failed'}")
            output.note(f"\nrun {outcome.run_id}; see it in Dagster: dagster dev -w workspace.yaml")
        elif not json:
            output.say(outcome.error)
        raise typer.Exit(outcome.exit_code or 0)
    if outcome.awaiting:
        output.note(f"{outcome.awaiting} waits for an approval. {outcome.because}\n\nhint: {outcome.hint}")
        raise typer.Exit(3)


def show_stages(outcome: RunOutcome) -> None:
    """Print a line an environment: revision from → to, checks passed, duration."""
    if not outcome.stages:
        return
    output.table(
        ["environment", "revision", "action", "checks", "seconds", "fingerprint"],
        [
            [
                stage.environment,
                f"{stage.start} → {stage.end}" if stage.start != stage.end else stage.end or "?",
                stage.action or "-",
                f"{stage.checks - stage.failed}/{stage.checks} passed",
                f"{stage.seconds:.2f}",
                stage.fingerprint[:12] or "-",
            ]
            for stage in outcome.stages
        ],
    )
