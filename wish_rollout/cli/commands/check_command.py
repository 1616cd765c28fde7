"""The command check, for a pull request."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import JsonOption, load_project
from wish_rollout.cli.signing_prompts import write_file

if TYPE_CHECKING:
    from wish_rollout.core.reports.release_report import ReleaseReport
    from wish_rollout.rollout.project.project import Project


class Format(StrEnum):
    """Formats of the result of check."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"


def check(
    context: typer.Context,
    since: Annotated[
        str,
        typer.Option(
            metavar="GIT_REF", help="Examine only the revisions that the branch adds, as in origin/main."
        ),
    ] = "",
    every: Annotated[
        bool, typer.Option("--all", help="Replay every script, and not only the newest ones.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="Format on stdout.")] = Format.TEXT,
    write: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT=FILE", help="Also write the result to a file in this format; can be repeated."
        ),
    ] = None,
    scratch: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="WISH_ROLLOUT_SCRATCH",
            show_envvar=False,
            help="Server for scratch databases, such as a service container (default: scratch in rollout.toml; "
            "or the variable WISH_ROLLOUT_SCRATCH).",
        ),
    ] = "",
    json: JsonOption = False,
) -> None:
    """Check that scripts, recorded schemas and models agree, for a pull request (exit 5 if not)."""
    from wish_rollout.rollout.project_commands.new_revisions import revisions_since
    from wish_rollout.rollout.project_commands.release_checks import check_release
    from wish_rollout.rollout.project_commands.secretless_process import without_secrets

    files = [_parse_file(each) for each in write or ()]
    project = _with_scratch(load_project(context), scratch)
    with output.progress("checking") as report_step, without_secrets(project.config):
        only = revisions_since(project, since) if since else None
        report = check_release(project, report_step, only, every=every)
    for kind, path in files:
        write_file(path, render(report, kind), errors="backslashreplace")
    output.write_text(render(report, Format.JSON if json else form))
    if not report.passed:
        raise typer.Exit(5)


def render(report: ReleaseReport, form: Format) -> str:
    """Return a report in a format."""
    from json import dumps

    from wish_rollout.core.reports import FORMATS
    from wish_rollout.core.text.redaction import escape_unprintable

    if form is Format.JSON:
        return dumps(report.as_dicts(), indent=2, ensure_ascii=False) + "\n"
    if form is Format.TEXT:
        lines = (
            f"{'ok  ' if each.passed else 'FAIL'}  {each.name}: {each.detail}\n" for each in report.checks
        )
        return "".join(map(escape_unprintable, lines))
    return FORMATS[form.value](report)


def _parse_file(text: str) -> tuple[Format, Path]:
    name, equals, path = text.partition("=")
    if not (equals and path and name in set(Format)):
        names = ", ".join(Format)
        raise typer.BadParameter(f"'{text}' is not FORMAT=FILE; formats: {names}", param_hint="--write")
    return Format(name), Path(path)


def _with_scratch(project: Project, url: str) -> Project:
    """Return the project with another server for scratch databases, if one is named."""
    if not url:
        return project
    config = project.config
    release = config.release.model_copy(update={"scratch": url})
    return type(project)(config.model_copy(update={"release": release}))


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(check)
