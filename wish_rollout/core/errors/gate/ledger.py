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
        "or, with separate roles: wish-rollout roles {environment}"
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


@dataclass(eq=False)
class LedgerTampered(EnvironmentRefused):
    """The ledger is not the table that this program created."""

    fault: str
    remedy: str

    summary = "The ledger of '{environment}' cannot be trusted: {fault}."
    explanation = "Single use of approvals and the record of all changes depend on an append-only table; nothing was changed."
    hint = "{remedy}"


@dataclass(eq=False)
class LedgerRowsMissing(VerificationFailed):
    """A row of the ledger is known from elsewhere, and is not in the ledger."""

    environment: str
    seq: int
    hash: str
    source: str

    summary = "The ledger of '{environment}' lacks row {seq} with the hash {hash:.12}…, which {source}."
    explanation = "Rows were removed, or the database was restored from a backup: an approval could be used a second time."
    hint = (
        "find out who changed the ledger; then continue with: wish-rollout approve {environment} --break-glass 'why', "
        "which is recorded in the ledger"
    )


@dataclass(eq=False)
class DatabaseOfGatedEnvironment(EnvironmentRefused):
    """The database was migrated as a gated environment, and is to be changed as another one."""

    other: str
    database: str

    summary = "The database {database} of '{environment}' is the one of the gated environment '{other}', as its ledger shows."
    explanation = "A change under another name would bypass the gate of '{other}'; nothing was changed."
    hint = (
        "check the URL of '{environment}': wish-rollout status; if the database really changed its environment: "
        "wish-rollout approve {environment} --ungated --reason 'why'"
    )


@dataclass(eq=False)
class GateRemoved(EnvironmentRefused):
    """The ledger shows approvals, and this rollout.toml has no gate for the environment."""

    approvers: str

    summary = (
        "The ledger of '{environment}' shows approvals (by {approvers}), and rollout.toml has no gate for it."
    )
    explanation = "Another rollout.toml, without a gate, would bypass the approvals; nothing was changed."
    hint = (
        "set gated = true under this environment in rollout.toml; or, with the key of one of these approvers: "
        "wish-rollout approve {environment} --ungated --reason 'why'"
    )
