"""Errors of the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused, VerificationFailed

RECORDED_WITH_THE_CHANGE = (
    "Each change is recorded in wish_rollout.ledger in the same transaction, so nothing was changed."
)


@dataclass(eq=False)
class LedgerMissing(EnvironmentRefused):
    """There is no ledger, and the role may not create it."""

    role: str
    database: str

    summary = "The role '{role}' may not create the ledger of '{environment}'."
    explanation = RECORDED_WITH_THE_CHANGE
    hint = (
        'once, as the owner of the database {database}: CREATE SCHEMA wish_rollout AUTHORIZATION "{role}"; '
        "or, with separate roles: wish-rollout roles"
    )


@dataclass(eq=False)
class LedgerPrivilegeMissing(EnvironmentRefused):
    """There is a ledger, and the role may not append to it."""

    role: str

    summary = "The role '{role}' may not write to the ledger of '{environment}'."
    explanation = RECORDED_WITH_THE_CHANGE
    hint = 'as its owner: GRANT USAGE ON SCHEMA wish_rollout TO "{role}"; GRANT SELECT, INSERT ON wish_rollout.ledger TO "{role}"'


@dataclass(eq=False)
class LedgerWriteFailed(EnvironmentRefused):
    """The ledger row of a change could not be written, so the change was rolled back."""

    reason: str

    summary = "The change of '{environment}' could not be recorded: {reason}."
    explanation = "A change is never committed without its ledger row, so both were rolled back."
    hint = "check the ledger: wish-rollout log {environment} --verify"


@dataclass(eq=False)
class LedgerChainBroken(VerificationFailed):
    """A row of the ledger was changed or removed."""

    environment: str
    seq: int
    reason: str

    summary = "The ledger of '{environment}' is broken at row {seq}: {reason}."
    explanation = "A role with more privileges than the migrator has changed the records."
    hint = "compare the ledger with Dagster's records of the same runs, and with a backup"
