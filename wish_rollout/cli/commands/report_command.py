"""The command report, which shows the state of all environments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import JsonOption, load_project, select_targets
from wish_rollout.cli.signing_prompts import write_file

if TYPE_CHECKING:
    from wish_rollout.core.reports.status_report import StatusReport


def report(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Write to this file (default: stdout).")
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write one page of HTML, which needs no other file.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show revision, drift, since when, and what waits, of every environment (exit 1 if one cannot be read)."""
    from wish_rollout.core.reports.status_page import status_page
    from wish_rollout.defs.reports.status_report import read_status_report

    if (html and json) or (file and not html):
        raise typer.BadParameter("use --html [FILE], or --json")
    project = load_project(context)
    with output.progress("reading the environments") as report_step:
        found = read_status_report(project, select_targets(project), report_step)
    if html and file:
        write_file(file, status_page(found))
        output.write_note(f"written: {file}")
    elif html:
        output.write_text(status_page(found))
    elif json:
        output.show_json(found.as_dict())
    else:
        _show(found)
    for env in project.config.fleets:
        output.write_note(f"{env.name} is a fleet, not in this report: wish-rollout status {env.name}")
    if not found.is_complete:
        raise typer.Exit(1)


def _show(found: StatusReport) -> None:
    output.write_table(
        ["environment", "verdict", "revision", "since", "differs since", "waits for"],
        [
            [
                each.environment,
                each.verdict,
                each.revision,
                each.since or "-",
                each.drift_since or ("not recorded" if each.drift else "-"),
                "; ".join(f"{request.act} to {request.end}: {request.approvals}" for request in each.waiting)
                or "-",
            ]
            for each in found.environments
        ],
    )
    if found.dagster_error:
        output.write_note(f"requests are not shown: {found.dagster_error}")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(report)
