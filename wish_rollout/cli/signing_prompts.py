"""Signing at the terminal: the request is shown, and the user confirms it before it is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wish_rollout.cli import output
from wish_rollout.cli.run_output import show_plan

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.signing import SignerInput
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


PLAN_SEPARATOR = "\n---- the plan, to be read; not signed, its digest is ----\n"
"""The line between the text of a request and its plan in a file."""


def sign_request(
    project: Project, target: Target, request: Request, signer: SignerInput, *, quiet: bool, yes: bool
) -> str:
    """Show the request and the current plan, ask for confirmation, and return the signed approval.

    ``quiet``: print nothing. ``yes``: do not ask. Raise an error if the request is no longer valid or the
    approval would not be accepted.
    """
    from wish_rollout.rollout.approval.approval_validity import plan_for_request, refuse_other_subject
    from wish_rollout.rollout.approval.approvals import check_approval
    from wish_rollout.rollout.approval.approver_rules import approval_rules
    from wish_rollout.rollout.approval.request import subject_of_plan
    from wish_rollout.rollout.approval.signing import sign_approval

    plan = plan_for_request(project, target, request.subject)
    rules = approval_rules(project, target)
    subject = subject_of_plan(project, rules, plan)
    refuse_other_subject(request, subject, rules)
    if not quiet:
        show_plan(plan)
        output.write_line(f"{describe_data_loss(plan)}\n")
    confirm_signature(request, quiet=quiet, yes=yes)
    document = sign_approval(project, target, request, rules.signers, signer)
    check_approval(rules, subject, document)
    return document


def describe_data_loss(plan: EnvironmentPlan) -> str:
    """Return a sentence on the rows that a rollback loses, or that a later rollback of the plan would archive."""
    from wish_rollout.core.hazards.rules.drops import losses
    from wish_rollout.core.plan.action import ROLLBACKS
    from wish_rollout.core.plan.values_to_archive import tables_and_columns_to_archive

    if plan.action in ROLLBACKS:
        found = losses(plan.hazards) or "none"
        if plan.archive_keep:
            return f"rows that it drops: {found}; it archives them, and the changed values of columns, for {plan.archive_keep}"
        return f"rows that it drops: {found}; it stops before a value would be lost"
    return f"a later rollback would archive: {tables_and_columns_to_archive(plan.promised) or 'nothing'}"


def sign_request_file(
    project: Project, environment: str, path: Path, signer: SignerInput, *, quiet: bool, yes: bool
) -> str:
    """Show the request and the plan in a file, ask for confirmation, and return the signed approval.

    Connects to no database. Raise ApprovalForOtherDatabase if the request is for another environment.
    """
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.errors.gate.approvals import ApprovalForOtherDatabase
    from wish_rollout.rollout.approval.approver_rules import approval_rules, read_allowed_signers
    from wish_rollout.rollout.approval.signing import find_sandbox_target, sign_approval

    text, _, plan = read_file(path).partition(PLAN_SEPARATOR)
    request = Request.from_text(text)
    if request.subject.environment != environment:
        raise ApprovalForOtherDatabase(environment, f"'{request.subject.environment}'", f"'{environment}'")
    env = project.config.find_environment(environment)
    target = None if env.is_fleet else find_sandbox_target(project, environment)
    signers = approval_rules(project, target).signers if target else read_allowed_signers(project, env)
    if plan and not quiet:
        output.write_line(f"{plan.strip()}\n")
    confirm_signature(request, quiet=quiet, yes=yes)
    return sign_approval(project, target, request, signers, signer)


def confirm_signature(request: Request, *, quiet: bool, yes: bool) -> None:
    """Show the text that is signed and ask for confirmation. Exit with 3 if the answer is no."""
    if not quiet:
        output.write_line(request.text())
    if not yes and not output.confirm("Sign this?", "--yes"):
        output.write_note("not approved")
        raise typer.Exit(3)


def write_file(path: Path, text: str, errors: str = "strict") -> None:
    """Write a text to a file. ``errors``: as for ``str.encode``. Raise FileNotWritable."""
    from wish_rollout.core.errors.gate.signatures import FileNotWritable

    try:
        path.write_text(text, encoding="utf-8", errors=errors)
    except OSError as error:
        raise FileNotWritable(str(path), error.strerror or type(error).__name__) from None


def read_file(path: Path) -> str:
    """Return the text of a request or approval file. Raise DocumentUnreadable."""
    from wish_rollout.core.errors.gate.signatures import DocumentUnreadable

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentUnreadable(
            str(path), getattr(error, "strerror", None) or "it is not UTF-8 text"
        ) from None
