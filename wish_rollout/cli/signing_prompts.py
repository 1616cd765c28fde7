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
    from wish_rollout.rollout.approval.signing import Words
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


BESIDE = "\n---- the plan, to be read; not signed, its digest is ----\n"
"""What parts a request's text, in a file, from the plan."""


def sign_asked(
    project: Project, target: Target, request: Request, words: Words, *, quiet: bool, yes: bool
) -> str:
    """Show what is asked for and what stands, ask, and sign; raise why it may not be."""
    from wish_rollout.rollout.approval.approval_validity import plan_as_asked, refuse_unlike
    from wish_rollout.rollout.approval.approvals import accept, rules_of, standing
    from wish_rollout.rollout.approval.signing import sign_off

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
    from wish_rollout.core.hazards.rules.drops import losses
    from wish_rollout.core.plan.plan import Action, at_stake

    if plan.action is Action.ROLLBACK:
        return f"what it takes with it: {losses(plan.hazards) or 'no rows'}; where a value would be lost, it refuses"
    return f"a rollback of it would have to archive first: {at_stake(plan.promised) or 'nothing'}"


def sign_file(project: Project, environment: str, path: Path, words: Words, *, quiet: bool, yes: bool) -> str:
    """Sign the request in a file, without connecting to anything, after showing what is written there beside it."""
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.core.errors.approvals import OtherEnvironment
    from wish_rollout.rollout.approval.approvals import signers_of
    from wish_rollout.rollout.approval.signing import sign_off

    text, _, plan = read(path).partition(BESIDE)
    request = Request.from_text(text)
    if request.subject.environment != environment:
        raise OtherEnvironment(environment, f"'{request.subject.environment}'", f"'{environment}'")
    signers = signers_of(project, project.config.declared(environment))
    if plan and not quiet:
        output.say(f"{plan.strip()}\n")
    consent(request, quiet=quiet, yes=yes)
    return sign_off(project, None, request, signers, words)


def consent(request: Request, *, quiet: bool, yes: bool) -> None:
    """Show the text that is signed, and ask; exit with 3 where the answer is no."""
    if not quiet:
        output.say(request.text())
    if not yes and not output.confirm("Sign this?", "--yes"):
        output.note("not approved")
        raise typer.Exit(3)


def write(path: Path, text: str) -> None:
    """Write a file that somebody takes elsewhere; raise NotWritten."""
    from wish_rollout.core.errors.signatures import NotWritten

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotWritten(str(path), error.strerror or type(error).__name__) from None


def read(path: Path) -> str:
    """Read a file that somebody hands in; raise NothingToRead."""
    from wish_rollout.core.errors.signatures import NothingToRead

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NothingToRead(str(path), getattr(error, "strerror", None) or "it is no text") from None
