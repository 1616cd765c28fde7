"""Why the remedy of a rollback cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused
from wish_rollout.core.errors.statements import StatementFailed


@dataclass(eq=False)
class RollbackRemedyIncomplete(EnvironmentRefused):
    """There is no SQL that takes an environment exactly to the earlier schema."""

    target: str
    reason: str

    summary = "The remedy does not take '{environment}' to the schema of {target}: {reason}."
    explanation = "It is the SQL that leads from the one schema to the other, rehearsed on a scratch server. Nothing was changed."
    hint = (
        "if it was not rehearsed: set [release] scratch in rollout.toml to a server that can be reached, and run again; "
        "otherwise write a revision that undoes the change, and roll it out: wish-rollout generate -m 'back to {target}'"
    )


@dataclass(eq=False)
class RollbackRemedyFailed(StatementFailed):
    """The server reported an error for a statement of a rollback's remedy. ``again``: the command that runs it again."""

    again: str

    summary = "Rolling '{environment}' back by the remedy failed: {reason} (SQLSTATE {sqlstate})."
    hint = "correct the rows that it failed on, then: {again}; or write a revision that undoes the change: wish-rollout generate"


@dataclass(eq=False)
class RollbackRemedyTimedOut(RollbackRemedyFailed):
    """A statement of a rollback's remedy, or its archive, waited for a lock or took longer than the budgets allow."""

    hint = (
        "run it when other sessions use these tables less: {again}; or raise its limits under [environment.budgets] "
        "of '{environment}'"
    )
