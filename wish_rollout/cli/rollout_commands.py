"""Commands that act, each through a Dagster run: plan, apply, verify, rollback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.job_runs import op_config, run_job
from wish_rollout.cli.options import Json, Name, load_project, select_targets
from wish_rollout.cli.run_output import finish, show_plan

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project


def plan(context: typer.Context, json: Json = False) -> None:
    """Show what the release would do to every environment, as they are now. Changes nothing."""
    from wish_rollout.rollout.planning.plans import make_plan

    project = load_project(context)
    made, against = make_plan(project, select_targets(project))
    if json:
        reasons = {name: str(error) for name, error in against.items()}
        output.show_json({**made.as_dict(), "cannot_be_carried_out": reasons})
    else:
        for one in made.environments:
            show_plan(one)
            if one.environment in against:
                output.say(f"cannot be carried out: {against[one.environment]}\n")
        if not against:
            output.say("nothing to do" if made.is_empty else f"plan {made.digest}")
    if against:
        raise typer.Exit(next(iter(against.values())).exit_code)


def apply(
    context: typer.Context,
    until: Annotated[str | None, typer.Option(metavar="ENV", help="Stop behind this environment.")] = None,
    adopt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV", help="Take over a schema that is there already, exactly as the release makes it."
        ),
    ] = None,
    clean: Annotated[
        list[str] | None,
        typer.Option(metavar="ENV", help="Drop what is in the way, with its rows (disposable environments)."),
    ] = None,
    json: Json = False,
) -> None:
    """Take the release through every environment, up to a gate that is not approved (exit 3)."""
    from wish_rollout.rollout.inspection.environment_status import environments_if_all_in_step

    project = load_project(context)
    config = project.config.until(until) if until else project.config
    for name in [*(adopt or []), *(clean or [])]:
        config.declared(name)
    if not config.environments:  # all are optional, and none has a URL
        project.target(config.environment[0].name)
    if not adopt and not clean:
        targets = [project.target(env.name) for env in config.environments]
        with output.progress("looking at every environment"):
            statuses = environments_if_all_in_step(project, targets)
        if statuses:
            if json:
                output.show_json({"nothing_to_do": True, "environments": output.as_json(statuses)})
            else:
                output.say(nothing_to_do(project, [one.environment for one in statuses]))
            return
    choices = {"resources": {"choices": {"config": {"adopt": adopt or [], "clean": clean or []}}}}
    finish(run_job(project, "rollout", choices, until=until), json=json)


def nothing_to_do(project: Project, names: list[str]) -> str:
    """Say that every environment is where it should be."""
    head = "+".join(project.release.head) or "base"
    return f"nothing to do: {', '.join(names)} {'is' if len(names) == 1 else 'are'} at {head}, in step"


def verify(context: typer.Context, environment: Name, json: Json = False) -> None:
    """Prove that an environment is exactly what its revision promises (exit 5 if not)."""
    project = load_project(context)
    project.target(environment)
    finish(
        run_job(
            project,
            "verify",
            op_config("verify_environment", {"environment": environment}),
            only=environment,
        ),
        json=json,
    )


def rollback(
    context: typer.Context,
    environment: Name,
    to: Annotated[
        str | None, typer.Option(metavar="REVISION", help="A revision, or base (default: one back).")
    ] = None,
    break_glass: Annotated[
        str,
        typer.Option(metavar="WHY", help="Sign it yourself, and go on without the others. It is shouted."),
    ] = "",
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Your SSH key, for --break-glass.")] = None,
    identity: Annotated[str, typer.Option(help="Who you are, for --break-glass.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Take an environment back, losing no row, and prove that it is exactly what it was.

    That of a gated environment stops at its gate (exit 3); once it is approved, run it again.
    """
    project = load_project(context)
    target = project.target(environment)
    config = op_config("rollback_environment", {"environment": environment, **({"to": to} if to else {})})
    outcome = run_job(project, "rollback", config, only=environment)
    if break_glass and outcome.success and outcome.awaiting:
        from wish_rollout.cli.approval_commands import hand_in, find_rollback_request
        from wish_rollout.cli.signing_prompts import sign_request
        from wish_rollout.rollout.approval.signing import Tokens

        words = Tokens(break_glass, break_glass, identity, key)
        asked = find_rollback_request(project, target, to)
        document = sign_request(project, target, asked, words, quiet=json, yes=yes)
        outcome = hand_in(project, environment, document)
        if outcome.success:
            outcome = run_job(project, "rollback", config, only=environment)
    there = "" if outcome.stages or outcome.awaiting else f"nothing to do: {environment} is at {to}"
    finish(outcome, json=json, done=there)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (plan, apply, verify, rollback):
        app.command()(command)
