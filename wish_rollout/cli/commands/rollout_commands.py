"""The commands plan, apply and verify. All but plan run a Dagster job."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.commands.archive_commands import restore_environment, waiting_archives
from wish_rollout.cli.commands.rollback_commands import show_rollback_plan
from wish_rollout.cli.fleet_output import show_fleet_plan
from wish_rollout.cli.job_runs import op_config, run_with_progress
from wish_rollout.cli.options import (
    ByRemedy,
    EnvironmentName,
    JsonOption,
    load_project,
    refuse_fleet_target,
    select_fleets,
    select_targets,
)
from wish_rollout.cli.run_output import report_outcome, show_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project


def plan(
    context: typer.Context,
    environment: Annotated[
        str | None, typer.Argument(metavar="[ENV]", help="One environment (default: all).")
    ] = None,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Show the plan of a rollback of ENV instead.")
    ] = False,
    to: Annotated[
        str | None, typer.Option(metavar="REVISION", help="With --rollback: target revision, or base.")
    ] = None,
    by_remedy: ByRemedy = False,
    json: JsonOption = False,
) -> None:
    """Show the plan of the release for every environment as it is now. Changes nothing."""
    from wish_rollout.rollout.planning.plans import make_plan

    project = load_project(context)
    if rollback:
        show_rollback_plan(project, environment, to, by_remedy=by_remedy, json=json)
        return
    if to or by_remedy:
        raise typer.BadParameter("--to and --by-remedy need --rollback")
    fleets = select_fleets(project, environment)
    if environment and fleets:
        raise typer.Exit(show_fleet_plan(project, fleets[0], json=json))
    release_plan, refusals = make_plan(project, select_targets(project, environment))
    if json:
        reasons = {name: str(error) for name, error in refusals.items()}
        output.show_json({**release_plan.as_dict(), "cannot_be_carried_out": reasons})
    else:
        for each in release_plan.environments:
            show_plan(each)
            if each.environment in refusals:
                output.write_line(f"cannot be executed: {refusals[each.environment]}\n")
        for fleet in fleets:
            output.write_note(f"{fleet.name} is a fleet, not in this plan: wish-rollout plan {fleet.name}")
        if not refusals:
            output.write_line("nothing to do" if release_plan.is_empty else f"plan {release_plan.digest}")
    if refusals:
        raise typer.Exit(next(iter(refusals.values())).exit_code)


def apply(
    context: typer.Context,
    until: Annotated[str | None, typer.Option(metavar="ENV", help="Stop after this environment.")] = None,
    adopt: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV",
            help="Adopt an existing schema that is equal to the schema of the release. Repeatable.",
        ),
    ] = None,
    clean: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV",
            help="Drop conflicting objects with their rows (disposable environments only). Repeatable.",
        ),
    ] = None,
    replan: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENV",
            help="Continue a release that was interrupted half done, with the changed scripts. Repeatable.",
        ),
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Then restore the archives of earlier rollbacks.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Apply the release to every environment in order; stop at a gate without approval (exit 3)."""
    from wish_rollout.rollout.inspection.environment_status import environments_if_all_in_step

    project = load_project(context)
    config = project.config.truncate_after(until) if until else project.config
    chosen = {"adopt": adopt or [], "clean": clean or [], "replan": replan or []}
    for name in itertools.chain.from_iterable(chosen.values()):
        config.find_environment(name)
    if (
        not config.environments
    ):  # every environment is optional and none has a URL: target() raises DatabaseUrlMissing
        project.target(config.environment[0].name)
    if not any(chosen.values()):
        targets = [project.target(env.name) for env in config.single_environments]
        with output.progress("reading every environment"):
            statuses = environments_if_all_in_step(project, targets)
            done = len(statuses) == len(targets) and are_fleets_in_step(project, config.fleets)
        if done:
            names = [env.name for env in config.environments]
            if json:
                found = {"nothing_to_do": True, "environments": output.dictionaries(statuses)}
                fleets = [env.name for env in config.fleets]
                output.show_json({**found, "fleets": fleets} if fleets else found)
            else:
                output.write_line(nothing_to_do(project, names))
            finish_archives(project, [each.name for each in targets], restore=restore, json=json)
            return
    choices = {"resources": {"choices": {"config": chosen}}}
    report_outcome(run_with_progress(project, "rollout", choices, until=until), json=json)
    finish_archives(project, [env.name for env in config.single_environments], restore=restore, json=json)


def are_fleets_in_step(project: Project, fleets: Sequence[Environment]) -> bool:
    """Return whether all targets of all fleets are in step."""
    if not fleets:
        return True
    from wish_rollout.rollout.fleet.inspection import are_all_in_step
    from wish_rollout.rollout.servers.fleet_targets import read_fleet

    return all(are_all_in_step(project, env, read_fleet(project.config, env)) for env in fleets)


def finish_archives(project: Project, names: Sequence[str], *, restore: bool, json: bool) -> None:
    """Restore what earlier rollbacks have archived, or say that it waits. Exits with 6 if rows stay in an archive."""
    complete = True
    for name, numbers in waiting_archives(project, names).items():
        if restore:
            write = output.write_note if json else output.write_line
            complete &= restore_environment(project, name, None, json=False, write=write)
        else:
            listed = ", ".join(map(str, numbers))
            output.write_note(f"archive {listed} of {name} waits; restore it: wish-rollout restore {name}")
    for env in project.config.fleets if restore else ():
        output.write_note(
            f"archives of the targets of {env.name} are not restored by this command: wish-rollout restore {env.name}/TARGET"
        )
    if not complete:
        raise typer.Exit(6)


def nothing_to_do(project: Project, names: list[str]) -> str:
    """Return the message for environments that are all at the head and in step."""
    head = "+".join(project.release.head) or "base"
    return f"nothing to do: {', '.join(names)} {'is' if len(names) == 1 else 'are'} at {head}, in step"


def verify(context: typer.Context, environment: EnvironmentName, json: JsonOption = False) -> None:
    """Check that the schema of an environment is the expected schema of its revision (exit 5 if not)."""
    project = load_project(context)
    refuse_fleet_target(project, environment, "verify")
    project.target(environment)
    report_outcome(
        run_with_progress(
            project,
            "verify",
            op_config("verify_environment", {"environment": environment}),
            only=environment,
        ),
        json=json,
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (plan, apply, verify):
        app.command()(command)
