"""The command rollback, which runs a Dagster job, and the plan that it would execute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wish_rollout.cli import output
from wish_rollout.cli.job_runs import op_config, run_with_progress
from wish_rollout.cli.options import (
    BreakGlass,
    ByRemedy,
    EnvironmentName,
    JsonOption,
    Yes,
    load_project,
)
from wish_rollout.cli.run_output import report_outcome, show_plan
from wish_rollout.config import FleetMember

if TYPE_CHECKING:
    from wish_rollout.rollout.project.project import Project


def show_rollback_plan(
    project: Project, environment: str | None, to: str | None, *, by_remedy: bool, json: bool
) -> None:
    """Print the plan of a rollback. Raises what ``plan_feasible_rollback`` raises."""
    from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_feasible_rollback

    if environment is None:
        raise typer.BadParameter("--rollback needs an environment")
    found = plan_feasible_rollback(project, project.target(environment), to, by_remedy=by_remedy)
    if json:
        output.show_json(found.as_dict())
    else:
        show_plan(found)
        output.write_line(f"plan {found.digest}")


def rollback(
    context: typer.Context,
    environment: EnvironmentName,
    to: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Target revision, or base (default: the previous revision)."),
    ] = None,
    target_names: Annotated[
        list[str] | None,
        typer.Option(
            "--target", metavar="NAME", help="For a fleet: a target to roll back. Repeatable; needs --to."
        ),
    ] = None,
    wave: Annotated[
        str, typer.Option(metavar="NAME", help="For a fleet: a wave to roll back; needs --to.")
    ] = "",
    by_remedy: ByRemedy = False,
    break_glass: BreakGlass = "",
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SSH key to sign with, for --break-glass.")
    ] = None,
    identity: Annotated[
        str, typer.Option(help="Your name in the allowed signers file, for --break-glass.")
    ] = "",
    yes: Yes = False,
    json: JsonOption = False,
) -> None:
    """Roll back an environment, archive the rows that it would destroy, and verify that the earlier schema is restored.

    The rollback of a gated environment stops at the gate (exit 3). Run it again once it is approved.
    """
    project = load_project(context)
    env = project.config.find_environment(environment)
    if isinstance(env, FleetMember):
        environment, target_names = env.fleet, [*(target_names or []), env.target]
    if target_names or wave:
        if not to or by_remedy or break_glass:
            raise typer.BadParameter("a target or a wave needs --to, and not --by-remedy or --break-glass")
        if target_names and wave:
            raise typer.BadParameter("name targets or a wave, not both")
        selected = {"targets": target_names or [], "wave": wave, "to": to}
        roll_back_targets(project, environment, selected, json=json)
        return
    target = project.target(environment)
    chosen = {"environment": environment, "by_remedy": by_remedy, **({"to": to} if to else {})}
    config = op_config("rollback_plan", chosen)
    outcome = run_with_progress(project, "rollback", config, only=environment)
    if break_glass and outcome.success and outcome.awaiting:
        from wish_rollout.cli.commands.approval_commands import submit_approval
        from wish_rollout.cli.commands.request_selection import find_rollback_request
        from wish_rollout.cli.signing_prompts import sign_request
        from wish_rollout.rollout.approval.signing import SignerInput

        signer = SignerInput(break_glass, break_glass, identity, key)
        request = find_rollback_request(project, target, to, by_remedy=by_remedy)
        document = sign_request(project, target, request, signer, quiet=json, yes=yes)
        outcome = submit_approval(project, environment, document)
        if outcome.success:
            outcome = run_with_progress(project, "rollback", config, only=environment)
    done = "" if outcome.stages or outcome.awaiting else f"nothing to do: {environment} is at {to}"
    report_outcome(outcome, json=json, done=done)


def roll_back_targets(project: Project, environment: str, chosen: dict[str, Any], *, json: bool) -> None:
    """Roll targets of a fleet back by the job ``rollback_targets``. Raises NotAFleet, UnknownFleetTarget.

    ``chosen``: the fields of the job's configuration besides the environment.
    """
    from wish_rollout.core.errors.fleets.rollouts import NotAFleet
    from wish_rollout.rollout.fleet.selection import select_targets
    from wish_rollout.rollout.servers.fleet_targets import read_fleet

    env = project.config.find_environment(environment)
    if not env.is_fleet:
        raise NotAFleet(environment)
    targets = select_targets(env, read_fleet(project.config, env), chosen["targets"], chosen["wave"])
    config = op_config("roll_back_targets", {"environment": environment, **chosen})
    outcome = run_with_progress(project, "rollback_targets", config)
    done = (
        "" if outcome.awaiting else f"{len(targets)} targets of {environment} are at {chosen['to']}, verified"
    )
    report_outcome(outcome, json=json, done=done)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(rollback)
