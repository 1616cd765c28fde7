"""How drift and its remedies are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.cli import output
from wish_rollout.core.plan.findings import FindingKind
from wish_rollout.core.schema.delta_rendering import visible

if TYPE_CHECKING:
    from wish_rollout.rollout.inspection.drift import DriftReport

ALTERNATIVES = {
    FindingKind.SAME_HEAD: "; or take it into history: wish-rollout generate --adopt {name} -m '…'",
    FindingKind.AHEAD: "; or go on from there: wish-rollout apply --adopt {name}, or apply where it was cut off",
}
"""Besides taking it back. What is behind the head can only be taken back: a new revision comes after the head."""


def show_drift(report: DriftReport) -> None:
    """Print each environment's answers with its delta, what differs between them, and how to go on."""
    for one in report.statuses:
        first, *rest = report.of(one.environment)
        output.say(f"{one.environment}: {visible(str(first))}")
        for finding in rest:
            output.say(f"  {visible(str(finding))}")
        output.show_delta(one.assessment.drift)
    for comparison in report.comparisons:
        output.say(
            f"from {comparison.a} to {comparison.b}, both at {' + '.join(comparison.position) or 'base'}:"
        )
        output.show_delta(comparison.delta)
    if report.models is not None:
        output.say(
            "model without a migration:" if report.models else "models: what the scripts lead to is declared"
        )
        output.show_delta(report.models)
    for name in report.remedies:
        other = ALTERNATIVES.get(report.of(name)[0].found, "").format(name=name)
        output.note(f"hint: take {name} back: wish-rollout drift {name} --sql{other}")


def show_remedy(report: DriftReport, environment: str, *, lossy: bool) -> None:
    """Print one environment's remedy for psql, and on stderr what it cannot do."""
    found = report.remedies.get(environment)
    if found is None:
        first = report.of(environment)[0]
        output.note(f"{environment} is {first.found.replace('_', ' ')}: there is nothing to take back")
        return
    output.say(found.script(lossy=lossy).rstrip("\n"))
    if found.loses_data and not lossy:
        output.note("what loses data is a comment; with --lossy it is written out")
    if not found.covered:
        output.note(f"not covered: {len(found.gaps)}; they are named at the top")
