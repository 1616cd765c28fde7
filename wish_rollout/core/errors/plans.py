"""Why a plan cannot be carried out, or may not."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import (
    AwaitingApproval,
    ConfigurationError,
    DifferenceFound,
    Refused,
    VerificationFailed,
)


@dataclass(eq=False)
class ConflictingObjectsFound(Refused):
    """A pending revision would create what is already there."""

    environment: str
    objects: str
    ways_out: str

    summary = "In '{environment}' there is already what the release would create: {objects}."
    explanation = "Creating it again would fail half-way; guessing whose it is would be worse."
    hint = "{ways_out}"


@dataclass(eq=False)
class EnvironmentsShareDatabase(Refused):
    """Two environments are one database."""

    environment: str
    other: str

    summary = "'{environment}' and '{other}' are the same database, whatever their URLs say."
    explanation = "What is done to the one is done to the other, past its gate and before its turn; so nothing was started."
    hint = "give each a database of its own; an optional one is left out by leaving its URL out; then: wish-rollout doctor"


@dataclass(eq=False)
class SchemaDrifted(DifferenceFound):
    """The live schema is not what history promises for its revision."""

    environment: str
    position: str
    drift: str

    summary = (
        "'{environment}' is at revision {position}, but its schema is not what {position} leads to: {drift}."
    )
    explanation = "A migration written for the one schema would do something unknown to the other, so it was not started."
    hint = (
        "see it whole: wish-rollout drift {environment}; take it back: wish-rollout drift {environment} --sql; "
        "or into history: wish-rollout generate --adopt {environment}"
    )


@dataclass(eq=False)
class SchemaAhead(Refused):
    """The schema of a later revision, under an earlier revision's number."""

    environment: str
    position: str
    really: str

    summary = (
        "'{environment}' says that it is at revision {position}, and its schema is exactly that of {really}."
    )
    explanation = (
        "The release was applied there by hand, or its version row was lost; migrating again would fail."
    )
    hint = "take it over as it is: wish-rollout apply --adopt {environment}"


@dataclass(eq=False)
class CleanNotAllowed(Refused):
    """``--clean`` for an environment that is not disposable."""

    environment: str

    summary = "'{environment}' may not be cleaned: rollout.toml does not mark it disposable."
    explanation = "Cleaning drops what is in the way, with its rows."
    hint = "coordinate with its owners; only a throwaway database deserves: disposable = true"


@dataclass(eq=False)
class SchemaNotAdoptable(Refused):
    """``--adopt`` where the schema is not exactly that of the release."""

    environment: str
    drift: str

    summary = (
        "'{environment}' cannot be adopted: its schema is not exactly what the release leads to: {drift}."
    )
    explanation = (
        "Adopting only sets the version table, so anything that differs would be promised and not be there."
    )
    hint = "write a revision that adapts what is there, or for a disposable environment: wish-rollout apply --clean {environment}"


@dataclass(eq=False)
class PlanChanged(Refused):
    """What was planned, or approved, is no longer what would happen."""

    environment: str
    changed: str

    summary = "The plan for '{environment}' no longer holds: {changed}."
    explanation = (
        "What was looked at, and perhaps approved, is not what would happen now, so nothing was started."
    )
    hint = "look again: wish-rollout plan; then: wish-rollout apply"


@dataclass(eq=False)
class ApprovalNamesOtherPlan(Refused):
    """An approval of another plan than the one that stands."""

    environment: str
    approved: str
    standing: str

    summary = "The approval names the plan {approved:.12}… for '{environment}', and the plan that stands is {standing:.12}…."
    explanation = "An approval holds for exactly one plan; that other one is stale, or was never made."
    hint = "read the plan as it is now and approve that: wish-rollout approve {environment}"


@dataclass(eq=False)
class EnvironmentNotGated(ConfigurationError):
    """An approval for an environment that needs none."""

    environment: str

    summary = "'{environment}' needs no approval: rollout.toml does not mark it gated."
    hint = "go on: wish-rollout apply"


@dataclass(eq=False)
class NothingToApprove(Refused):
    """An approval where there is nothing to do."""

    exit_code = 0
    environment: str

    summary = "There is nothing to approve: '{environment}' is at the release's head, in step."


@dataclass(eq=False)
class WaitingAtGate(AwaitingApproval):
    """The run stopped at a gate, as it should."""

    environment: str
    plan_digest: str

    summary = "'{environment}' waits for a person's approval of the plan {plan_digest:.12}…."
    explanation = "Everything before it is migrated and verified; nothing of '{environment}' was touched."
    hint = "wish-rollout approve {environment} --reason '…'"


@dataclass(eq=False)
class SchemaVerificationFailed(VerificationFailed):
    """After a migration, what is there is not what was promised."""

    environment: str
    failed: str
    detail: str

    summary = "'{environment}' is not what was promised: {failed} failed: {detail}."
    explanation = "Nothing behind it was run."
    hint = "see the whole difference, and both ways to mend it: wish-rollout drift {environment}"


@dataclass(eq=False)
class RollbackLosesRows(Refused):
    """A rollback would drop rows."""

    environment: str
    tables: str

    summary = "Rolling '{environment}' back would lose rows: {tables}."
    explanation = "A rollback must not lose what people have entered since."
    hint = "save them and empty the table first, in agreement with their owners: pg_dump -a -t TABLE …"


@dataclass(eq=False)
class InvalidRollbackTarget(ConfigurationError):
    """The target revision is not below where the database is."""

    environment: str
    position: str
    target: str

    summary = "'{environment}' cannot be rolled back from {position} to {target}: that is not behind it."
    hint = "see where it is: wish-rollout status"


@dataclass(eq=False)
class AlreadyAtRevision(Refused):
    """A rollback to where the database is."""

    exit_code = 0
    environment: str
    position: str

    summary = "nothing to do: {environment} is at {position}"


@dataclass(eq=False)
class RevisionWouldRun(Refused):
    """A revision that a look at the release would have run."""

    revision: str

    summary = "Running the release again would run {revision}."


@dataclass(eq=False)
class RollbackAcrossMerge(Refused):
    """A rollback that would go below a merge of branches."""

    environment: str
    merge: str
    parents: str

    summary = "Rolling '{environment}' back would take back {merge}, which merges {parents}."
    explanation = "Below a merge there are two heads, and which of them is to be left cannot be known."
    hint = "write a revision that undoes what has to go, and roll that out: wish-rollout generate -m 'undo …'"
