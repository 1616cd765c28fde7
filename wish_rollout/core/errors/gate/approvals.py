"""Why a signed approval is not accepted. Nothing was changed when one of these errors is raised."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused

REQUEST_AGAIN = (
    "make a new request with the same apply or rollback command; then: wish-rollout approve {environment}"
)
SECOND_PERSON = "The requester and the authors must not approve their own change (four_eyes)."
APPROVE_AS_ANOTHER = (
    "have another person run: wish-rollout approve {environment}; in an emergency: --break-glass 'why'"
)


@dataclass(eq=False)
class ApproverRefused(EnvironmentRefused):
    """A person must not approve: base class of the errors that name the approver."""

    approver: str


@dataclass(eq=False)
class ApproverNotAllowed(ApproverRefused):
    """The key is known, but its owner is not an approver of this environment."""

    approvers: str

    summary = "'{approver}' may not approve for '{environment}': rollout.toml allows {approvers}."
    explanation = "Each environment has its own list of approvers."
    hint = "ask one of these approvers; or change approvers under this environment in rollout.toml"


class ApproverIsRequester(ApproverRefused):
    """The approver is the person who requested the approval."""

    summary = "'{approver}' requested this rollout of '{environment}' and therefore may not approve it."
    explanation = SECOND_PERSON
    hint = APPROVE_AS_ANOTHER


@dataclass(eq=False)
class ApproverIsAuthor(ApproverRefused):
    """The approver is an author of a revision."""

    authors: str

    summary = "'{approver}' is an author of this rollout of '{environment}' (authors: {authors}) and therefore may not approve it."
    explanation = SECOND_PERSON
    hint = APPROVE_AS_ANOTHER


@dataclass(eq=False)
class RevisionAuthorUnknown(EnvironmentRefused):
    """The author of a revision is unknown, so it is also unknown whether the approver is the author."""

    revision: str
    reason: str

    summary = "The author of revision {revision} is unknown: {reason}."
    explanation = "For '{environment}' the approver must not be an author; this cannot be checked."
    hint = (
        "commit the script and run from the git checkout; without git, add to rollout.toml:\n"
        '[release.authors]\n{revision} = ["who@example.org"]'
    )


@dataclass(eq=False)
class ApprovalForOtherDatabase(EnvironmentRefused):
    """The approval is for another environment or another database."""

    approved: str
    current: str

    summary = "The approval is for {approved}, not for {current}."
    explanation = "An approval is valid for exactly one database."
    hint = "read the plan and approve it: wish-rollout approve {environment}"


@dataclass(eq=False)
class ApprovedSubjectChanged(EnvironmentRefused):
    """The approved change is not the current one: base class of the errors that list the changed fields."""

    changed: str


class ApprovalForOtherPlan(ApprovedSubjectChanged):
    """The approval is for another operation or for other revisions."""

    summary = "The approval for '{environment}' is for another plan: {changed}."
    explanation = "An approval is valid for exactly one plan."
    hint = REQUEST_AGAIN


class ApprovalOutdated(ApprovedSubjectChanged):
    """The database, the release or the policy has changed since the approval."""

    summary = "The approval for '{environment}' is no longer valid: {changed}."
    explanation = "The migration would not do what was approved, so it was not started."
    hint = REQUEST_AGAIN


@dataclass(eq=False)
class ApprovalExpired(EnvironmentRefused):
    """The approval has expired."""

    expires: str

    summary = "The approval for '{environment}' has expired, at {expires}."
    explanation = "The environment may have changed in ways that the approver did not see."
    hint = REQUEST_AGAIN


@dataclass(eq=False)
class RequestLifetimeInvalid(EnvironmentRefused):
    """The lifetime of a request is longer than the policy allows, or starts in the future."""

    requested: str
    expires: str
    allowed_lifetime: str

    summary = (
        "The request for '{environment}' is valid from {requested} to {expires}; "
        "it must have begun, and may last {allowed_lifetime} at most."
    )
    explanation = "wish-rollout makes no such request, unless the clock of the machine is wrong."
    hint = REQUEST_AGAIN


@dataclass(eq=False)
class OutsideChangeWindow(EnvironmentRefused):
    """The environment may not be changed at this time."""

    now: str
    windows: str

    summary = "'{environment}' may not be changed now ({now}): its windows are {windows}."
    explanation = "A migration may run only while the people who can repair a failure are available."
    hint = "wait for the window; the approval remains valid until it expires; in an emergency: approve --break-glass 'why'"


@dataclass(eq=False)
class HazardNotApprovable(EnvironmentRefused):
    """The environment's policy does not allow a hazard of this kind, even with approval."""

    hazard: str
    allowed: str

    summary = "The release has the hazard {hazard}, and '{environment}' allows {allowed}."
    explanation = "A hazard of this kind cannot be approved."
    hint = (
        "write the revision in a safer way; or change allowed_hazards under this environment in rollout.toml"
    )


@dataclass(eq=False)
class QuorumNotMet(EnvironmentRefused):
    """Too few persons have approved."""

    have: int
    needed: int
    approvers: str

    summary = "'{environment}' needs the approvals of {needed} persons, and has {have} ({approvers})."
    explanation = "Each person and each key is counted once."
    hint = "have another person run: wish-rollout approve {environment}"


class BreakGlassDisabled(EnvironmentRefused):
    """The approval uses break glass, which the policy does not allow."""

    summary = "'{environment}' does not allow break glass."
    explanation = "rollout.toml has break_glass = false under this environment."
    hint = "have the required approvers run: wish-rollout approve {environment}"
