"""Why a change was stopped: what was about to run is not what was approved. Everything was rolled back."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused

ROLLED_BACK = "Nothing more was sent, and the transaction was rolled back."


@dataclass(eq=False)
class StatementNotApproved(EnvironmentRefused):
    """A statement is not the one that was rehearsed and approved at this place."""

    revision: str
    approved: str
    found: str

    summary = (
        "Revision {revision} was about to send another statement to '{environment}' than the approved one. "
        "Approved: {approved}. Found: {found}."
    )
    explanation = f"The plan that was signed lists each statement. {ROLLED_BACK}"
    hint = (
        "if the script iterates over a set, sort it: its order is another one in each process; "
        'if the statements depend on the rows or the time, say so in the script: data_dependent = "why", or in '
        'rollout.toml: [release] data_dependent = {{ "{revision}" = "why" }}; '
        "find all such revisions: wish-rollout check --all; "
        "then: wish-rollout generate --record, and make a new request"
    )


@dataclass(eq=False)
class DriverStatementRefused(EnvironmentRefused):
    """A script sends something past SQLAlchemy, where it cannot be compared with the approved statements."""

    revision: str
    statement: str

    summary = "Revision {revision} sends a statement to '{environment}' past SQLAlchemy: {statement}."
    explanation = f"It is not in the plan that was signed. {ROLLED_BACK}"
    hint = (
        'send it with op.execute(); or declare it in the script, so that the plan names it: driver_statements = "why"; '
        'or in rollout.toml: [release] driver_statements = {{ "{revision}" = "why" }}'
    )


@dataclass(eq=False)
class CodeNotApproved(EnvironmentRefused):
    """A file that runs is not what was recorded and approved."""

    changed: str

    summary = "The code that would run on '{environment}' is not the approved code: {changed}."
    explanation = "env.py and the modules and files that it uses decide what is sent, so they are part of what is approved."
    hint = "record the code again: wish-rollout generate --record; then make a new request"


@dataclass(eq=False)
class ClusterChangeRefused(EnvironmentRefused):
    """A release changes what belongs to the whole server, where the plan promises nothing."""

    change: str

    summary = (
        "The release changes what belongs to the server of '{environment}', and not to its schema: {change}."
    )
    explanation = "Roles, memberships, tablespaces and settings are in no plan and no verification. Nothing was changed."
    hint = "let an administrator do this before the release, outside of it; remove the statement from the revision"


@dataclass(eq=False)
class ReleaseChanged(EnvironmentRefused):
    """A release was interrupted half done, and its scripts were changed since then."""

    done: int
    drift: str

    summary = (
        "A release was interrupted half done in '{environment}', and its scripts were changed since then. "
        "{done} of its statements are finished; the schema was changed by them: {drift}."
    )
    explanation = (
        "Whether the changed scripts lead to the promised schema from here has to be rehearsed and approved."
    )
    hint = (
        "continue with the changed scripts: wish-rollout apply --replan {environment}; or take the database back: "
        "wish-rollout drift {environment} --sql"
    )


@dataclass(eq=False)
class ReplanDiffers(EnvironmentRefused):
    """``--replan`` was used, and the changed scripts do not lead to the promised schema from the live one."""

    difference: str

    summary = (
        "The changed scripts cannot continue the half-done release in '{environment}'. Rehearsed on a copy of its schema, "
        "they leave: {difference}."
    )
    explanation = "Statements that are finished are skipped. Nothing was changed."
    hint = (
        "let the script allow for what is there, with IF NOT EXISTS or IF EXISTS, then: wish-rollout apply --replan "
        "{environment}; or take the database back: wish-rollout drift {environment} --sql"
    )


@dataclass(eq=False)
class NothingToReplan(EnvironmentRefused):
    """``--replan`` was used, and no release was interrupted half done with other scripts."""

    summary = "'{environment}' has no half-done release of other scripts."
    hint = "migrate it, or continue an interrupted release: wish-rollout apply"
