"""The commands approve and reject, which decide a request at a gate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wish_rollout.cli import output
from wish_rollout.cli.commands.request_selection import matching_requests, select_valid_request
from wish_rollout.cli.fleet_signing import sign_fleet_request
from wish_rollout.cli.gate_release import Ungated, release_database
from wish_rollout.cli.job_runs import op_config, run_with_progress
from wish_rollout.cli.options import BreakGlass, EnvironmentName, JsonOption, Yes, load_project
from wish_rollout.cli.run_output import report_outcome
from wish_rollout.cli.signing_prompts import read_file, sign_request, sign_request_file, write_file

if TYPE_CHECKING:
    from wish_rollout.rollout.approval.approval_progress import ApprovalProgress
    from wish_rollout.rollout.project.project import Project

Reason = Annotated[str, typer.Option("--reason", "-r", help="Reason, recorded with the decision.")]
Nonce = Annotated[
    str,
    typer.Option(
        "--nonce",
        help="Request to act on: its ID, or an unambiguous prefix (default: the newest valid request).",
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="SSH key to sign with (default: the allowed key in the SSH agent or ~/.ssh)."
    ),
]
Identity = Annotated[str, typer.Option(help="Your name in the allowed signers file.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the approval to a file, to be submitted later.")
]
ApprovalFile = Annotated[
    Path | None, typer.Option("--in", metavar="FILE", help="Submit the approval in this file.")
]
RunConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--run-config",
        metavar="FILE",
        help="Write the approval as run configuration of the job approve, to be pasted into Dagster's launchpad.",
    ),
]
RequestFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Sign the request in this file without connecting to a database."),
]


def approve(
    context: typer.Context,
    environment: EnvironmentName,
    reason: Reason = "",
    key: Key = None,
    identity: Identity = "",
    out: Out = None,
    approval_file: ApprovalFile = None,
    run_config: RunConfigFile = None,
    request: RequestFile = None,
    break_glass: BreakGlass = "",
    nonce: Nonce = "",
    ungated: Ungated = False,
    yes: Yes = False,
    json: JsonOption = False,
) -> None:
    """Show the request for a gated environment, and approve it with your SSH signature."""
    from wish_rollout.rollout.approval.signing import SignerInput

    project = load_project(context)
    signer = SignerInput(reason.strip() or break_glass.strip(), break_glass, identity, key)
    if ungated:
        release_database(project, environment, signer, json=json)
        return
    if not (signer.reason or approval_file):
        raise typer.BadParameter("an approval needs a reason", param_hint="--reason")
    if approval_file:
        document = read_file(approval_file)
    elif request:
        document = sign_request_file(project, environment, request, signer, quiet=json, yes=yes)
    elif project.config.find_environment(environment).is_fleet:
        recorded = matching_requests(project, environment, nonce)[0]
        document = sign_fleet_request(project, recorded, signer, quiet=json, yes=yes)
    else:
        target = project.target(environment)
        chosen = select_valid_request(project, environment, nonce)
        document = sign_request(project, target, chosen, signer, quiet=json, yes=yes)
    if run_config:
        save_run_config(project, document, environment, run_config)
    elif out or (request and not approval_file):
        save_approval(document, environment, out or Path(f"{environment}.approval"))
    else:
        outcome = submit_approval(project, environment, document)
        progress = progress_with_approval(project, document) if outcome.success else None
        fields = {"approvals": progress.as_dict()} if progress else {}
        report_outcome(outcome, json=json, done=f"approved: {environment}; {progress}", more=fields)


def save_approval(document: str, environment: str, path: Path) -> None:
    """Write an approval to a file, and print the command that submits it."""
    write_file(path, document)
    output.write_note(f"written; submit it with: wish-rollout approve {environment} --in {path}")


def save_run_config(project: Project, document: str, environment: str, path: Path) -> None:
    """Write an approval as run configuration of the job that records it, and print what to do with it."""
    from wish_rollout.defs.asset_keys import prefixed
    from wish_rollout.defs.run_config import approval_yaml

    write_file(
        path, approval_yaml(prefixed("approve_plan", project.config.project.name), environment, document)
    )
    job = prefixed("approve", project.config.project.name)
    output.write_note(f"written; paste the whole of {path} into the launchpad of Dagster's job {job}")


def submit_approval(project: Project, environment: str, document: str) -> Any:
    """Run the job that records an approval; return its Outcome."""
    config = op_config("approve_plan", {"environment": environment, "approval": document})
    return run_with_progress(project, "approve", config, only=environment)


def progress_with_approval(project: Project, document: str) -> ApprovalProgress:
    """Return the progress of an approval's request, with this approval counted."""
    from wish_rollout.core.approval.documents import ApprovalStatement
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.defs.runs.instance import open_instance
    from wish_rollout.rollout.approval.approval_progress import read_approval_progress
    from wish_rollout.rollout.approval.approvals import approval_text

    request = ApprovalStatement.from_text(approval_text(document)).request
    with open_instance(project.config) as instance:
        documents = approval_store.read_approval_documents(
            instance, request.subject.environment, project.config.project.name
        )
    return read_approval_progress(project, request, documents, read_database=False)


def reject(
    context: typer.Context,
    environment: EnvironmentName,
    reason: Reason,
    nonce: Nonce = "",
    json: JsonOption = False,
) -> None:
    """Reject a request, which closes it."""
    from wish_rollout.rollout.approval.request import current_requester

    project = load_project(context)
    request = matching_requests(project, environment, nonce, with_used=True)[0].request
    who, subject = current_requester(project.config.root), request.subject
    config = {"environment": environment, "nonce": request.nonce, "who": who, "reason": reason}
    report_outcome(
        run_with_progress(project, "reject", op_config("reject_request", config)),
        json=json,
        done=f"rejected: {environment}, {subject.act} {subject.start} → {subject.end}, requested by {request.requester}",
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (approve, reject):
        app.command()(command)
