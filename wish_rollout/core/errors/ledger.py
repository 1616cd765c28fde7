"""What can be wrong with the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import Refused, VerificationFailed


@dataclass(eq=False)
class LedgerMissing(Refused):
    """There is no ledger, and the role may not make one."""

    environment: str
    role: str
    database: str

    summary = "The role '{role}' may not create the ledger of '{environment}'."
    explanation = (
        "Every act is recorded in wish_rollout.ledger, in its own transaction; without it nothing is done."
    )
    hint = (
        'once, as the owner of the database {database}: CREATE SCHEMA wish_rollout AUTHORIZATION "{role}"; '
        "or, with roles apart: wish-rollout roles"
    )


@dataclass(eq=False)
class LedgerPrivilegeMissing(Refused):
    """There is a ledger, and the role may not append to it."""

    environment: str
    role: str

    summary = "The role '{role}' may not write to the ledger of '{environment}'."
    explanation = (
        "Every act is recorded in wish_rollout.ledger, in its own transaction; without it nothing is done."
    )
    hint = 'as its owner: GRANT USAGE ON SCHEMA wish_rollout TO "{role}"; GRANT SELECT, INSERT ON wish_rollout.ledger TO "{role}"'


@dataclass(eq=False)
class LedgerWriteFailed(Refused):
    """The record of an act was refused, so the act was as well."""

    environment: str
    reason: str

    summary = "What is done to '{environment}' could not be recorded: {reason}."
    explanation = "A change without its record must not be, so it was rolled back with it."
    hint = "see the ledger: wish-rollout log {environment} --verify"


@dataclass(eq=False)
class LedgerChainBroken(VerificationFailed):
    """The chain does not hold."""

    environment: str
    seq: int
    reason: str

    summary = "The ledger of '{environment}' is broken at row {seq}: {reason}."
    explanation = "Somebody who may do more than the migrator has changed what was recorded."
    hint = "compare it with what Dagster recorded of the same runs, and with a backup"
