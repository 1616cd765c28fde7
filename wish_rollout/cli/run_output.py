"""Output of plans and of the outcomes of runs."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from wish_rollout.cli import output
from wish_rollout.core.fleet.grouping import shorten_names
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.core.text.statement_display import display_statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.rows.requirements import RowFinding
    from wish_rollout.defs.runs.run_outcome import RunOutcome


NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


def show_plan(plan: EnvironmentPlan) -> None:
    """Print the plan of one environment: summary, drift, conflicting objects, promised delta, hazards, rows and SQL."""
    output.write_line(f"── {plan.summary()}  ({plan.verdict}, PostgreSQL {plan.facts.version})")
    if plan.drift and not plan.conflicting_objects and not plan.resumed_fingerprint:
        output.write_line("drift from the expected schema of its revision:")
        output.show_delta(plan.drift)
    for line in plan.declarations():
        output.write_line(escape_to_one_line(line))
    for name in plan.unmanaged:
        output.write_line(f"unmanaged: {escape_to_one_line(name)}")
    for note in plan.notes:
        output.write_line(f"note: {escape_to_one_line(note)}")
    for obstacle in plan.conflicting_objects:
        output.write_line(f"conflicting object: {obstacle}")
    if plan.promised:
        output.write_line("promised delta:")
        output.show_delta(plan.promised)
    show_hazards(plan)
    for finding in plan.findings:
        show_finding(finding)
    if plan.statements:
        output.write_line("SQL:")
        for statement in display_statements(plan.statements):
            output.write_line("    " + statement.replace("\n", "\n    "))
    output.write_line()


def show_hazards(plan: EnvironmentPlan) -> None:
    """Print the hazards of a plan, with the reasons for which they are allowed."""
    for hazard in plan.hazards:
        output.write_line(f"hazard: {hazard}")
        output.write_line(f"    {hazard.why}")
        output.write_line(f"    {f'allowed: {hazard.allowed}' if hazard.allowed else disallowed_text(plan)}")


def disallowed_text(plan: EnvironmentPlan) -> str:
    """Return the note for a hazard that no revision allows.

    The hazards of a rollback are not declared in the scripts: the approver decides about them.
    """
    from wish_rollout.core.plan.action import ROLLBACKS

    return "to be decided by the approver" if plan.action in ROLLBACKS else "NOT ALLOWED"


def show_finding(finding: RowFinding) -> None:
    """Print existing rows that violate a requirement of the new schema: the count, a query, and whether they are allowed."""
    output.write_line(f"rows: {escape_to_one_line(finding.description)}")
    output.write_line(f"    query: {escape_to_one_line(finding.sql)};")
    if finding.allowed:
        output.write_line(f"    allowed: {finding.allowed}")
    elif finding.rows:
        output.write_line(
            f"    NOT ALLOWED; rehearsal with some of these rows: {escape_to_one_line(finding.rehearsal_result)}"
        )


def report_outcome(
    outcome: RunOutcome, *, json: bool, done: str = "", more: Mapping[str, Any] = NO_FIELDS
) -> None:
    """Print the outcome of a run; exit with 3 if it waits at a gate, or with the exit code of the failed step.

    ``done``: the line that follows a successful run. ``more``: further fields of the ``--json`` document.
    """
    if json:
        output.show_json({**outcome.as_dict(), **more})
    else:
        show_stages(outcome)
        show_failed_targets(outcome)
        if outcome.success and done:
            output.write_line(done)
    if not outcome.success:
        if outcome.exit_code:
            output.write_note(f"error: {outcome.error or 'the run failed'}")
            output.write_note(f"\nrun {outcome.run_id}; open it in Dagster: dagster dev -w workspace.yaml")
        elif not json:
            output.write_line(outcome.error)
        raise typer.Exit(outcome.exit_code or 0)
    if outcome.awaiting:
        output.write_note(
            f"{outcome.awaiting} waits for an approval. {outcome.because}\n\nhint: {outcome.hint}"
        )
        raise typer.Exit(3)


def show_stages(outcome: RunOutcome) -> None:
    """Print a table row for each environment: revisions, action, passed checks, seconds and fingerprint."""
    if not outcome.stages:
        return
    output.write_table(
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


def show_failed_targets(outcome: RunOutcome) -> None:
    """Print which targets of a fleet have failed or were not begun; those with the same class of error in one row.

    Below, for each class of error, what to do on its first target.
    """
    if not outcome.failed_targets:
        return
    rows = []
    for each in outcome.failed_targets:
        names = shorten_names(each["targets"], each["count"])
        rows.append([str(each["count"]), each["error"] or "-", names, each["text"]])
    output.write_table(["targets", "error", "names", "error of the first"], rows)
    for each in outcome.failed_targets:
        if each["hint"]:
            output.write_line(f"{each['error']}: {escape_to_one_line(each['hint'])}")
