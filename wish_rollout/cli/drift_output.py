"""Output of drift and of the SQL that removes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wish_rollout.cli import output
from wish_rollout.core.plan.findings import FindingKind
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.rollout.inspection.drift_report import DriftReport

ALTERNATIVES = {
    FindingKind.SAME_HEAD: "; or keep the change in a new revision: wish-rollout generate --adopt {name} -m '…'",
    FindingKind.DRIFTED: "; or keep the change: write a revision that makes it with IF NOT EXISTS or IF EXISTS (alembic "
    "revision), then: wish-rollout apply",
    FindingKind.FOREIGN: ", then set the version table: wish-rollout apply --adopt {name}",
    FindingKind.AHEAD: "; or continue from there: wish-rollout apply --adopt {name}, or apply if a run was interrupted",
}
"""The second way to resolve drift. Behind the head, a new revision follows the head, so it must allow for the change."""

KEPT_BY_IGNORE = ("table", "sequence", "extension", "subscription")
"""Kinds of whole objects that hold data, and that a project can leave out of its scope."""

COLUMN_ORDER = (
    "no statement changes the order of columns; accept it in {name}: wish-rollout apply --adopt {name}; "
    "or everywhere, in rollout.toml under [release]: allow_positions = true"
)


def show_drift(report: DriftReport) -> None:
    """Print the findings and the drift of each environment, the differences between environments, and the next commands."""
    for status in report.statuses:
        first, *rest = report.findings_for(status.environment)
        output.write_line(f"{status.environment}: {escape_to_one_line(str(first))}")
        for finding in rest:
            output.write_line(f"  {escape_to_one_line(str(finding))}")
        output.show_delta(status.assessment.drift)
        for record in report.ddl.get(status.environment, ()):
            output.write_line(f"  recorded {escape_to_one_line(str(record))}")
    for comparison in report.comparisons:
        output.write_line(
            f"from {comparison.a} to {comparison.b}, both at {' + '.join(comparison.position) or 'base'}:"
        )
        output.show_delta(comparison.delta)
    if report.models is not None:
        output.write_line(
            "models that no revision creates:"
            if report.models
            else "models: equal to the schema after all revisions"
        )
        output.show_delta(report.models)
    for name in report.remedies:
        if report.differs_in_column_order_only(name):
            output.write_note(f"hint: {COLUMN_ORDER.format(name=name)}")
            continue
        other = ALTERNATIVES.get(report.findings_for(name)[0].found, "").format(name=name)
        output.write_note(f"hint: remove the drift of {name}: wish-rollout drift {name} --sql{other}")


def show_remedy(report: DriftReport, environment: str, *, lossy: bool) -> None:
    """Print the remedy of one environment as a psql script; print its limits on stderr."""
    remedy = report.remedies.get(environment)
    if remedy is None:
        first = report.findings_for(environment)[0]
        output.write_note(f"{environment} is {first.found.replace('_', ' ')}: there is no drift to remove")
        return
    print_remedy(remedy, lossy=lossy)
    for text in () if lossy else describe_keeping(report, environment):
        output.write_note(f"hint: {escape_to_one_line(text)}")
    if report.differs_in_column_order_only(environment):
        output.write_note(f"hint: {COLUMN_ORDER.format(name=environment)}")


def describe_keeping(report: DriftReport, environment: str) -> Iterator[str]:
    """Yield how to keep what a remedy would change or drop."""
    remedy = report.remedies[environment]
    found = report.findings_for(environment)[0].found
    if found in (FindingKind.SAME_HEAD, FindingKind.DRIFTED) and remedy.statements:
        yield ALTERNATIVES[found].removeprefix("; or ").format(name=environment)
    names = sorted(
        {each.name for each in remedy.statements if each.loses_data and each.kind in KEPT_BY_IGNORE}
    )
    if names:
        listed = ", ".join(json.dumps(name, ensure_ascii=False) for name in names)
        yield (
            f"leave what is not of this project out of it, in rollout.toml under [scope]: ignore = [{listed}]; "
            "then: wish-rollout apply"
        )


def print_remedy(remedy: Remedy, *, lossy: bool) -> None:
    """Print a remedy as a psql script; print its limits on stderr."""
    output.write_line(remedy.script(lossy=lossy).rstrip("\n"))
    for gap in remedy.gaps:
        output.write_note(f"not covered: {escape_to_one_line(str(gap))}")
    if remedy.loses_data and not lossy:
        output.write_note("statements that lose data are comments; add --lossy to print them as SQL")
