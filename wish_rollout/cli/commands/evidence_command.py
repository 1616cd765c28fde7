"""The command evidence, which writes and verifies the evidence of a release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import JsonOption, load_project, select_targets


def evidence(
    context: typer.Context,
    release: Annotated[
        str,
        typer.Argument(
            metavar="[RELEASE]",
            help="Digest of the release, or its beginning (default: the current release).",
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the evidence to this new folder.")
    ] = None,
    verify: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Compare a folder with the signatures and the ledgers (exit 5 if it differs).",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write what proves a release: ledger rows, deltas, approvals with signatures, verifications, timings."""
    if bool(out) == bool(verify) or (verify and release):
        raise typer.BadParameter("use [RELEASE] --out FOLDER, or --verify FOLDER")
    project = load_project(context)
    if verify:
        from wish_rollout.rollout.inspection.evidence_folder import verify_evidence

        with output.progress("verifying"):
            checks = verify_evidence(project, verify)
        output.show_findings(checks, json=json)
        if not all(check.passed for check in checks):
            raise typer.Exit(5)
        return
    from wish_rollout.defs.reports.evidence import collect_evidence
    from wish_rollout.rollout.inspection.evidence_folder import write_evidence

    assert out
    with output.progress("reading the ledgers") as report_step:
        found = collect_evidence(project, select_targets(project), release, report_step)
    for env in project.config.fleets:
        output.write_note(
            f"{env.name} is a fleet, not in this evidence; the ledger of a target: wish-rollout log"
        )
    written = write_evidence(found, out)
    rows = {each.environment: len(each.rows) for each in found.environments}
    if json:
        output.show_json({"folder": str(out), "release": found.release, "rows": rows, "written": written})
    else:
        listed = ", ".join(f"{name}: {count} rows" for name, count in rows.items())
        output.write_note(f"{'written' if written else 'unchanged'}: {out} ({listed})")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(evidence)
