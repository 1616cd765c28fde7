"""Signing at the terminal: what is asked for is shown, and a person asked whether they want to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from wish_rollout.cli import output
from wish_rollout.cli.run_output import show_plan

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.approval.signing import Tokens
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


BESIDE = "\n---- the plan, to be read; not signed, its digest is ----\n"
"""What parts a request's text, in a file, from the plan."""


def sign_request(
    project: Project, target: Target, request: Request, words: Tokens, *, quiet: bool, yes: bool
) -> str:
    """Show what is asked for and what stands, ask, and sign; raise why it may not be."""
    from wish_rollout.rollout.approval.approval_validity import plan_for_request, refuse_other_subject
    from wish_rollout.rollout.approval.approvals import accept, approval_rules, standing
    from wish_rollout.rollout.approval.signing import sign_approval

    plan = plan_for_request(project, target, request.subject)
    rules = approval_rules(project, target)
    subject = standing(project, rules, plan)
    refuse_other_subject(request, subject, rules)
    if not quiet:
        show_plan(plan)
        output.say(f"{stake(plan)}\n")
    consent(request, quiet=quiet, yes=yes)
    document = sign_approval(project, target, request, rules.signers, words)
    accept(rules, subject, document)
    return document


def stake(plan: EnvironmentPlan) -> str:
    """Say what a plan takes with it, or what taking it back would have to keep."""
    from wish_rollout.core.hazards.rules.drops import losses
    from wish_rollout.core.plan.plan import Action, at_stake

    if plan.action is Action.ROLLBACK:
        return f"what it takes with it: {losses(plan.hazards) or 'no rows'}; where a value would be lost, it refuses"
    return f"a rollback of it would have to archive first: {at_stake(plan.promised) or 'nothing'}"


def sign_request_file(project: Project, environment: str, path: Path, words: Tokens, *, quiet: bool, yes: bool) -> str:
    """Sign the request in a file, without connecting to anything, after showing what is written there beside it."""
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.errors.approvals import ApprovalForOtherDatabase
    from wish_rollout.rollout.approval.approvals import read_allowed_signers
    from wish_rollout.rollout.approval.signing import sign_approval

    text, _, plan = read(path).partition(BESIDE)
    request = Request.from_text(text)
    if request.subject.environment != environment:
        raise ApprovalForOtherDatabase(environment, f"'{request.subject.environment}'", f"'{environment}'")
    signers = read_allowed_signers(project, project.config.declared(environment))
    if plan and not quiet:
        output.say(f"{plan.strip()}\n")
    consent(request, quiet=quiet, yes=yes)
    return sign_approval(project, None, request, signers, words)


def consent(request: Request, *, quiet: bool, yes: bool) -> None:
    """Show the text that is signed, and ask; exit with 3 where the answer is no."""
    if not quiet:
        output.say(request.text())
    if not yes and not output.confirm("Sign this?", "--yes"):
        output.note("not approved")
        raise typer.Exit(3)


def write(path: Path, text: str) -> None:
    """Write a file that somebody takes elsewhere; raise NotWritten."""
    from wish_rollout.core.errors.signatures import FileNotWritable

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileNotWritable(str(path), error.strerror or type(error).__name__) from None


def read(path: Path) -> str:
    """Read a file that somebody hands in; raise NothingToRead."""
    from wish_rollout.core.errors.signatures import DocumentUnreadable

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentUnreadable(str(path), getattr(error, "strerror", None) or "it is no text") from None
