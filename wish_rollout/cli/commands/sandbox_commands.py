"""The commands of the sandbox: an embedded PostgreSQL server with a database for every environment."""

from __future__ import annotations

import shlex
import time
from typing import Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.commands.rollout_commands import nothing_to_do
from wish_rollout.cli.options import load_project
from wish_rollout.cli.run_output import report_outcome, show_stages

app = typer.Typer(
    help="Manage the sandbox: an embedded PostgreSQL server with a database for every environment.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def up(context: typer.Context) -> None:
    """Start the sandbox, and create the missing databases of the environments and of Dagster."""
    from wish_rollout.rollout.servers.project_sandbox import start

    config = load_project(context).config
    with output.progress("starting the sandbox"):
        start(config)
    output.write_note(
        'the sandbox is up; set the variables of this shell: eval "$(wish-rollout sandbox env)"'
    )


@app.command()
def down(context: typer.Context) -> None:
    """Stop the sandbox. Its databases are kept."""
    from wish_rollout.rollout.servers.project_sandbox import sandbox

    sandbox(load_project(context).config).down()
    output.write_note("the sandbox is down")


@app.command()
def reset(context: typer.Context) -> None:
    """Delete all databases of the sandbox, including Dagster's runs, and create empty ones."""
    from wish_rollout.rollout.servers.project_sandbox import sandbox, start

    config = load_project(context).config
    with output.progress("resetting the sandbox"):
        sandbox(config).reset()
        start(config)
    output.write_note("the sandbox is reset")


@app.command()
def remove(context: typer.Context) -> None:
    """Stop the sandbox and delete all its files."""
    from wish_rollout.rollout.servers.project_sandbox import remove as remove_all

    remove_all(load_project(context).config)
    output.write_note("the sandbox is removed")


@app.command()
def env(context: typer.Context) -> None:
    """Print export commands for a shell: eval "$(wish-rollout sandbox env)"."""
    from wish_rollout.rollout.servers.project_sandbox import sandbox, variables

    config = load_project(context).config
    for name, value in variables(config, sandbox(config)).items():
        output.write_line(f"export {name}={shlex.quote(value)}")


@app.command()
def rollout(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option(help="Reason to record in the approvals.")
    ] = "rollout of the sandbox",
) -> None:
    """Apply the release to all environments of the sandbox, and approve its gates with the sandbox's key."""
    from wish_rollout.rollout.inspection.environment_status import read_environment_statuses
    from wish_rollout.rollout.servers.project_sandbox import enter

    started = time.monotonic()
    project = load_project(context)
    with output.progress("starting the sandbox"):
        enter(project.config)
    targets = [project.target(each.name) for each in project.config.single_environments]
    if all(status.verdict == "in_step" for status in read_environment_statuses(project, targets)):
        output.write_line(nothing_to_do(project, [target.name for target in targets]))
        return
    with output.progress("rollout") as report_step:
        from wish_rollout.defs.sandbox_operator import run_through_gates

        outcome, approved = run_through_gates(project, reason, report_step)
    if not outcome.success or outcome.awaiting:
        report_outcome(outcome, json=False)
    show_stages(outcome)
    for name in approved:
        output.write_line(f"gate of {name}: approved with the key of the sandbox, {reason}")
    output.write_line(f"\nfinished in {time.monotonic() - started:.1f} s. Next:")
    if (project.config.root / "Makefile").is_file() and (project.config.root / ".venv").is_dir():
        output.write_line(
            "  make ui                                     show steps, checks and deltas in Dagster"
        )
        output.write_line(
            "  . .venv/bin/activate                        put wish-rollout on the path of this shell"
        )
    else:
        output.write_line(
            "  dagster dev -w workspace.yaml               show the steps in Dagster (extra wish-rollout[ui])"
        )
    output.write_line(
        '  eval "$(wish-rollout sandbox env)"          set the variables of this shell for the sandbox'
    )
    output.write_line("  wish-rollout status; wish-rollout drift     show the state of each environment")
