"""Commands at the gate: approve and reject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wish_rollout.cli import output
from wish_rollout.cli.job_runs import op_config, run_job
from wish_rollout.cli.options import Json, Name, load_project
from wish_rollout.cli.run_output import finish
from wish_rollout.cli.signing_prompts import read, sign_request, sign_request_file, write

if TYPE_CHECKING:
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.defs.gate.approval_events import RowRequirement
    from wish_rollout.rollout.approval.approval_progress import ApprovalProgress
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target

Reason = Annotated[str, typer.Option("--reason", "-r", help="Why.")]
Nonce = Annotated[str, typer.Option("--nonce", help="Which request (default: the newest that is open).")]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Your SSH key (default: one of the agent's or of ~/.ssh that may sign)."
    ),
]
Identity = Annotated[str, typer.Option(help="Who you are in the file of allowed signers.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the approval to a file, and hand it in later.")
]
HandedIn = Annotated[
    Path | None, typer.Option("--in", metavar="FILE", help="Hand in an approval from a file.")
]
RequestFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Sign the request in this file, connecting to nothing.")
]
Glass = Annotated[
    str, typer.Option(metavar="WHY", help="Go on without the others; it is shouted into the ledger.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def approve(
    context: typer.Context,
    environment: Name,
    reason: Reason = "",
    key: Key = None,
    identity: Identity = "",
    out: Out = None,
    handed_in: HandedIn = None,
    request: RequestFile = None,
    break_glass: Glass = "",
    nonce: Nonce = "",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Sign exactly what is asked for a gated environment, with your SSH key, after reading it."""
    from wish_rollout.rollout.approval.signing import Tokens

    project = load_project(context)
    words = Tokens(reason.strip() or break_glass.strip(), break_glass, identity, key)
    if not (words.reason or handed_in):
        raise typer.BadParameter("an approval says why", param_hint="--reason")
    if handed_in:
        document = read(handed_in)
    elif request:
        document = sign_request_file(project, environment, request, words, quiet=json, yes=yes)
    else:
        target = project.target(environment)
        asked = select_valid_request(project, environment, nonce)
        document = sign_request(project, target, asked, words, quiet=json, yes=yes)
    if out or (request and not handed_in):
        keep(document, environment, out or Path(f"{environment}.approval"))
    else:
        outcome = hand_in(project, environment, document)
        state = progress_with_approval(project, document) if outcome.success else None
        told = {"approvals": state.as_dict()} if state else {}
        finish(outcome, json=json, done=f"approved: {environment}; {state}", more=told)


def keep(document: str, environment: str, place: Path) -> None:
    """Write an approval to a file, and say what becomes of it."""
    write(place, document)
    output.note(f"written; hand it in with: wish-rollout approve {environment} --in {place}")


def hand_in(project: Project, environment: str, document: str) -> Any:
    """Have the job take an approval in; give its Outcome."""
    config = op_config("approve_plan", {"environment": environment, "approval": document})
    return run_job(project, "approve", config, only=environment)


def progress_with_approval(project: Project, document: str) -> ApprovalProgress:
    """Say how far the request of an approval is, now that this one is there."""
    from wish_rollout.core.approval.documents import Statement
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.defs.runs.instance import open_instance
    from wish_rollout.rollout.approval.approval_progress import progress
    from wish_rollout.rollout.approval.approvals import text_of

    request = Statement.from_text(text_of(document)).request
    with open_instance(project.config) as instance:
        given = approval_store.documents(instance, request.subject.environment)
    return progress(project, request, given, look=False)


def select_valid_request(project: Project, environment: str, nonce: str) -> Request:
    """Find the newest request that is meant and is of what stands now; the newest, where none is. Raise NoRequest."""
    from wish_rollout.rollout.approval.approval_progress import newest_valid_request

    found = [asked.request for asked in meant(project, environment, nonce)]
    return newest_valid_request(project, found)


def meant(project: Project, environment: str, nonce: str) -> list[RowRequirement]:
    """Find the open requests whose nonce begins so, the newest first; raise NoRequest."""
    from wish_rollout.core.errors.plans import EnvironmentNotGated
    from wish_rollout.core.errors.requests import AmbiguousRequest, NoApprovalRequest
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.defs.runs.instance import open_instance

    if not project.config.declared(environment).gated:
        raise EnvironmentNotGated(environment)
    with open_instance(project.config) as instance:
        found = approval_store.requests(instance, environment)
    begun = [asked for asked in found if asked.request.nonce.startswith(nonce)]
    if not begun:
        raise NoApprovalRequest(environment)
    if nonce and len(begun) > 1:
        raise AmbiguousRequest(environment, nonce, ", ".join(asked.request.nonce for asked in begun))
    return begun


def find_rollback_request(project: Project, target: Target, to: str | None) -> Request:
    """Find the request for exactly this rollback, whatever was asked for since; raise NoRequest."""
    from wish_rollout.core.errors.requests import NoApprovalRequest
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.defs.runs.instance import open_instance
    from wish_rollout.rollout.approval.approvals import requester, approval_rules, standing
    from wish_rollout.rollout.planning.rollback_plan import plan_rollback

    rules = approval_rules(project, target)
    subject = standing(project, rules, plan_rollback(project, target, to))
    with open_instance(project.config) as instance:
        asked = approval_store.find_open_request(instance, subject, rules.policy, requester(project.config.root))
    if asked is None:
        raise NoApprovalRequest(target.name)
    return asked.request


def reject(
    context: typer.Context, environment: Name, reason: Reason, nonce: Nonce = "", json: Json = False
) -> None:
    """Turn a request down, which ends it."""
    from wish_rollout.rollout.approval.approvals import requester

    project = load_project(context)
    asked = meant(project, environment, nonce)[0]
    who, request, subject = requester(project.config.root), asked.request, asked.request.subject
    config = {"environment": environment, "nonce": asked.request.nonce, "who": who, "reason": reason}
    finish(
        run_job(project, "reject", op_config("reject_request", config)),
        json=json,
        done=f"rejected: {environment}, {subject.act} {subject.start} → {subject.end}, asked by {request.requester}",
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (approve, reject):
        app.command()(command)
