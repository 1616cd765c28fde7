"""Commands at the gate: approve and reject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.common import Json, project_of
from wish_rollout.cli.doing import Name, op_config, run_job
from wish_rollout.cli.reporting import finish, show_plan

if TYPE_CHECKING:
    from wish_rollout.core.approval import Request
    from wish_rollout.core.plan import EnvironmentPlan
    from wish_rollout.defs.approvals import Asked
    from wish_rollout.rollout.project import Project, Target
    from wish_rollout.rollout.signing_off import Words

Reason = Annotated[str, typer.Option("--reason", "-r", help="Why.")]
Nonce = Annotated[str, typer.Option("--nonce", help="Which request (default: the newest that is open).")]
File = typer.Option(
    metavar="FILE", help="Your SSH key (default: one of the agent's or of ~/.ssh that may sign)."
)


def approve(
    context: typer.Context,
    environment: Name,
    reason: Reason = "",
    key: Annotated[Path | None, File] = None,
    identity: Annotated[str, typer.Option(help="Who you are in the file of allowed signers.")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the approval to a file, and hand it in later.")
    ] = None,
    handed_in: Annotated[
        Path | None, typer.Option("--in", metavar="FILE", help="Hand in an approval from a file.")
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sign the request in this file, connecting to nothing."),
    ] = None,
    break_glass: Annotated[
        str, typer.Option(metavar="WHY", help="Go on without the others; it is shouted into the ledger.")
    ] = "",
    nonce: Nonce = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Sign exactly what is asked for a gated environment, with your SSH key, after reading it."""
    from wish_rollout.rollout.signing_off import Words

    project = project_of(context)
    words = Words(reason.strip() or break_glass.strip(), break_glass, identity, key)
    if not (words.reason or handed_in):
        raise typer.BadParameter("an approval says why", param_hint="--reason")
    if handed_in:
        document = read(handed_in)
    elif request:
        document = sign_file(project, environment, request, words, yes=yes)
    else:
        document = sign_asked(project, project.target(environment), nonce, words, quiet=json, yes=yes)
    if out or (request and not handed_in):
        place = out or Path(f"{environment}.approval")
        place.write_text(document, encoding="utf-8")
        output.note(f"written; hand it in with: wish-rollout approve {environment} --in {place}")
        return
    config = op_config("approve_plan", {"environment": environment, "approval": document})
    outcome = run_job(project, "approve", config, only=environment)
    finish(outcome, json=json, done=f"approved: {environment}")


def sign_asked(project: Project, target: Target, nonce: str, words: Words, *, quiet: bool, yes: bool) -> str:
    """Show what is asked for and what stands, ask, and sign; raise why it may not be."""
    from wish_rollout.rollout.approving import accept, rules_of, standing
    from wish_rollout.rollout.signing_off import sign_off
    from wish_rollout.rollout.standing import plan_as_asked, refuse_unlike

    request = pick(project, target.name, nonce).request
    plan = plan_as_asked(project, target, request.subject)
    rules = rules_of(project, target)
    subject = standing(project, rules, plan)
    refuse_unlike(request, subject, rules)
    if not quiet:
        show_plan(plan)
        output.say(f"{stake(plan)}\n")
    consent(request, quiet=quiet, yes=yes)
    document = sign_off(project, target, request, rules.signers, words)
    accept(rules, subject, document)
    return document


def stake(plan: EnvironmentPlan) -> str:
    """Say what a plan takes with it, or what taking it back would have to keep."""
    from wish_rollout.core.hazards.drop import losses
    from wish_rollout.core.plan import Action, at_stake

    if plan.action is Action.ROLLBACK:
        return f"what it takes with it: {losses(plan.hazards) or 'no rows'}; where a value would be lost, it refuses"
    return f"a rollback of it would have to archive first: {at_stake(plan.promised) or 'nothing'}"


def sign_file(project: Project, environment: str, path: Path, words: Words, *, yes: bool) -> str:
    """Sign the request in a file, without connecting to anything."""
    from wish_rollout.core.approval import Request
    from wish_rollout.core.approval_errors import OtherEnvironment
    from wish_rollout.rollout.approving import signers_of
    from wish_rollout.rollout.signing_off import sign_off

    request = Request.from_text(read(path))
    if request.subject.environment != environment:
        raise OtherEnvironment(environment, f"'{request.subject.environment}'")
    signers = signers_of(project, project.config.declared(environment))
    consent(request, quiet=False, yes=yes)
    return sign_off(project, None, request, signers, words)


def consent(request: Request, *, quiet: bool, yes: bool) -> None:
    """Show the text that is signed, and ask; exit with 3 where the answer is no."""
    if not quiet:
        output.say(request.text())
    if not yes and not output.confirm("Sign this?", "--yes"):
        output.note("not approved")
        raise typer.Exit(3)


def pick(project: Project, environment: str, nonce: str) -> Asked:
    """Find the request that is meant; raise NoRequest."""
    from wish_rollout.core.approval_errors import NoRequest
    from wish_rollout.core.plan_errors import NotGated
    from wish_rollout.defs import approvals
    from wish_rollout.defs.instance import open_instance

    if not project.config.declared(environment).gated:
        raise NotGated(environment)
    with open_instance(project.config) as instance:
        found = approvals.requests(instance, environment)
    for asked in found:
        if asked.request.nonce.startswith(nonce):
            return asked
    raise NoRequest(environment)


def read(path: Path) -> str:
    """Read a file that somebody hands in; raise BadApproval."""
    from wish_rollout.core.signing_errors import BadApproval

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadApproval(f"{path}: {getattr(error, 'strerror', None) or 'it is no text'}") from None


def reject(context: typer.Context, environment: Name, reason: Reason, nonce: Nonce = "") -> None:
    """Turn a request down, which ends it."""
    from wish_rollout.rollout.approving import requester

    project = project_of(context)
    asked = pick(project, environment, nonce)
    who = requester(project.config.root)
    config = {"environment": environment, "nonce": asked.request.nonce, "who": who, "reason": reason}
    finish(
        run_job(project, "reject", op_config("reject_request", config)),
        json=False,
        done=f"rejected: {environment}",
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (approve, reject):
        app.command()(command)
