"""Commands about the sandbox: an embedded PostgreSQL with every environment's database on it."""

from __future__ import annotations

import shlex
import time
from typing import Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import load_project
from wish_rollout.cli.rollout_commands import nothing_to_do
from wish_rollout.cli.run_output import finish, show_stages

app = typer.Typer(
    help="An embedded PostgreSQL with every environment's database on it.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def up(context: typer.Context) -> None:
    """Start it, and create each environment's database and Dagster's. Does nothing where it runs."""
    from wish_rollout.rollout.project.project_sandbox import start

    config = load_project(context).config
    with output.progress("starting the sandbox"):
        start(config)
    output.note('the sandbox is up; point this shell at it: eval "$(wish-rollout sandbox env)"')


@app.command()
def down(context: typer.Context) -> None:
    """Stop it. Its databases stay for the next time."""
    from wish_rollout.rollout.project.project_sandbox import sandbox

    sandbox(load_project(context).config).down()
    output.note("the sandbox is down")


@app.command()
def reset(context: typer.Context) -> None:
    """Throw its databases away, with Dagster's records of it, and start afresh."""
    from wish_rollout.rollout.project.project_sandbox import sandbox, start

    config = load_project(context).config
    with output.progress("making the sandbox anew"):
        sandbox(config).reset()
        start(config)
    output.note("the sandbox is as new")


@app.command()
def remove(context: typer.Context) -> None:
    """Stop it and throw everything of it away."""
    from wish_rollout.rollout.project.project_sandbox import remove as remove_all

    remove_all(load_project(context).config)
    output.note("the sandbox is gone")


@app.command()
def env(context: typer.Context) -> None:
    """Print export lines for a shell: eval "$(wish-rollout sandbox env)"."""
    from wish_rollout.rollout.project.project_sandbox import sandbox, variables

    config = load_project(context).config
    for name, value in variables(config, sandbox(config)).items():
        output.say(f"export {name}={shlex.quote(value)}")


@app.command()
def rollout(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option(help="The reason that the approvals give.")
    ] = "the sandbox's own rollout",
) -> None:
    """Take the release through the whole sandbox, and approve its gates as the sandbox's own operator."""
    from wish_rollout.rollout.inspection.environment_status import read_environment_statuses
    from wish_rollout.rollout.project.project_sandbox import enter

    started = time.monotonic()
    project = load_project(context)
    with output.progress("starting the sandbox"):
        enter(project.config)
    targets = [project.target(each.name) for each in project.config.environments]
    if all(one.verdict == "in_step" for one in read_environment_statuses(project, targets)):
        output.say(nothing_to_do(project, [target.name for target in targets]))
        return
    with output.progress("rollout") as tell:
        from wish_rollout.defs.sandbox_operator import run_through_gates

        outcome, approved = run_through_gates(project, reason, tell)
    if not outcome.success or outcome.awaiting:
        finish(outcome, json=False)
    show_stages(outcome)
    for name in approved:
        output.say(f"gate of {name}: approved by the sandbox's operator, {reason}")
    output.say(f"\nall of it in {time.monotonic() - started:.1f} s. Where to look next:")
    if (project.config.root / "Makefile").is_file() and (project.config.root / ".venv").is_dir():
        output.say("  make ui                                     every step, check and delta, in Dagster")
        output.say("  . .venv/bin/activate                        puts wish-rollout on this shell's path")
    else:
        output.say(
            "  dagster dev -w workspace.yaml               each step, in Dagster (the extra wish-rollout[ui])"
        )
    output.say(
        '  eval "$(wish-rollout sandbox env)"          point this shell at the sandbox; then for example'
    )
    output.say("  wish-rollout status; wish-rollout drift     where each environment stands")
