"""Commands about the scripts: generate and check."""

from __future__ import annotations

from typing import Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import Json, load_project


def generate(
    context: typer.Context,
    message: Annotated[
        str, typer.Option("-m", "--message", help="What the revision does, in a few words.")
    ] = "",
    record: Annotated[
        bool, typer.Option("--record", help="Only record anew what every revision leads to.")
    ] = False,
    adopt: Annotated[
        str, typer.Option("--adopt", metavar="ENV", help="Take what was done by hand in ENV into history.")
    ] = "",
    json: Json = False,
) -> None:
    """Write the revision that leads to the declared schema (or to ENV's), and record what it leads to."""
    from wish_rollout.rollout.scripts.adoption import adopt as adopted
    from wish_rollout.rollout.scripts.revision_generation import generate as write
    from wish_rollout.rollout.scripts.revision_generation import write_records

    if record == bool(message or adopt):
        raise typer.BadParameter("give -m MESSAGE for a new revision, or --adopt ENV, or --record")
    project = load_project(context)
    with output.progress("replaying on a scratch database"):
        if record:
            meta = write_records(project)
            result = {"recorded": [revision.id for revision in project.release.revisions], "meta": str(meta)}
        else:
            made = adopted(project, project.target(adopt), message) if adopt else write(project, message)
            result = {"revision": made.revision, "script": str(made.script), "meta": str(made.meta)}
    if json:
        output.show_json(result)
    else:
        for name, value in result.items():
            output.say(f"{name}: {value if isinstance(value, str) else ', '.join(value)}")
    if adopt:
        output.note(
            f"next: declare it in the models too, if there are any; wish-rollout check; "
            f"then: wish-rollout apply --adopt {adopt}"
        )


def check(context: typer.Context, json: Json = False) -> None:
    """Prove scripts, records and declared schema against each other, as a pull request should (exit 5 if not)."""
    from wish_rollout.rollout.scripts.release_checks import check_release

    project = load_project(context)
    with output.progress("checking") as tell:
        findings = check_release(project, tell)
    if json:
        output.show_json(output.as_json(findings))
    else:
        for finding in findings:
            output.say(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.name}: {finding.detail}")
    if not all(finding.passed for finding in findings):
        raise typer.Exit(5)


def init() -> None:
    """Give the Alembic project in this folder the files that a rollout needs. Overwrites nothing."""
    from pathlib import Path

    from wish_rollout.rollout.scripts.project_files import found

    for name, written in found(Path.cwd()).items():
        output.say(f"{'wrote' if written else 'kept '}  {name}")
    ignored = (Path.cwd() / ".gitignore").read_text(encoding="utf-8")
    if ".sandbox" not in ignored:
        output.note(
            "add to .gitignore, since a server with its passwords is in it: .sandbox/ .dagster/ .env .env.local"
        )
    output.note("next: set the URLs (see rollout.toml), and: wish-rollout doctor")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (generate, check, init):
        app.command()(command)
