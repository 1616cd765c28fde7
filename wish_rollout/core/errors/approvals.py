"""Why a signed approval does not count. Each refusal is a class of its own; nothing was touched."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import Refused

AGAIN = "ask anew, by the same apply or rollback; then: wish-rollout approve {environment}"


@dataclass(eq=False)
class ApproverNotAllowed(Refused):
    """A known key, whose owner may not approve for this environment."""

    environment: str
    approver: str
    approvers: str

    summary = "'{approver}' may not approve for '{environment}': rollout.toml allows {approvers}."
    explanation = "Each environment says itself whose word counts there."
    hint = "ask one of those; or change approvers under this environment in rollout.toml"


@dataclass(eq=False)
class ApproverIsRequester(Refused):
    """The person who asks approves."""

    environment: str
    approver: str

    summary = (
        "'{approver}' asked for this rollout of '{environment}', and may not be the one who approves it."
    )
    explanation = "Four eyes see more than two."
    hint = "have somebody else run: wish-rollout approve {environment}; in an emergency: --break-glass 'why'"


@dataclass(eq=False)
class ApproverIsAuthor(Refused):
    """The person who wrote it approves."""

    environment: str
    approver: str
    authors: str

    summary = "'{approver}' wrote what is to be rolled out to '{environment}' (authors: {authors}), and may not approve it."
    explanation = "Four eyes see more than two."
    hint = "have somebody else run: wish-rollout approve {environment}; in an emergency: --break-glass 'why'"


@dataclass(eq=False)
class RevisionAuthorUnknown(Refused):
    """Nobody knows who wrote a revision, so nobody can tell whether the approver did."""

    environment: str
    revision: str
    reason: str

    summary = "Who wrote revision {revision} cannot be told: {reason}."
    explanation = "For '{environment}' the approver must not be an author, and that can then not be known."
    hint = (
        "commit the script, and roll out from a checkout; where there is none, in rollout.toml:\n"
        '[release.authors]\n{revision} = ["who@example.org"]'
    )


@dataclass(eq=False)
class ApprovalForOtherDatabase(Refused):
    """An approval for another environment, or another database."""

    environment: str
    approved: str
    stands: str

    summary = "The approval is for {approved}, not for {stands}."
    explanation = "It holds for exactly one database."
    hint = "read the plan and approve it: wish-rollout approve {environment}"


@dataclass(eq=False)
class ApprovalForOtherPlan(Refused):
    """An approval of another act: another direction, other revisions."""

    environment: str
    changed: str

    summary = "The approval for '{environment}' is of another plan: {changed}."
    explanation = "It holds for exactly one plan."
    hint = AGAIN


@dataclass(eq=False)
class ApprovalOutdated(Refused):
    """Something that was approved is no longer so."""

    environment: str
    changed: str

    summary = "The approval for '{environment}' no longer holds: {changed}."
    explanation = "What was approved is not what would happen now, so nothing was started."
    hint = AGAIN


@dataclass(eq=False)
class ApprovalExpired(Refused):
    """An approval whose time is over."""

    environment: str
    expires: str

    summary = "The approval for '{environment}' has expired, at {expires}."
    explanation = "The longer ago somebody looked, the less they can have known."
    hint = AGAIN


@dataclass(eq=False)
class RequestLifetimeInvalid(Refused):
    """A request whose times are not within what the policy allows."""

    environment: str
    requested: str
    expires: str
    lives: str

    summary = "The approval for '{environment}' is for {requested} to {expires}, and an approval may live for {lives}."
    explanation = "Such a request was not made by this tool, or by one with another clock."
    hint = AGAIN


@dataclass(eq=False)
class OutsideChangeWindow(Refused):
    """A time at which the environment may not be touched."""

    environment: str
    now: str
    windows: str

    summary = "'{environment}' may not be touched now ({now}): its windows are {windows}."
    explanation = "A migration is to go wrong only while those who can mend it are there."
    hint = "wait for the window; the approval stays good until it expires; in an emergency: approve --break-glass 'why'"


@dataclass(eq=False)
class HazardNotApprovable(Refused):
    """A hazard of a kind that may not be approved here at all."""

    environment: str
    hazard: str
    allowed: str

    summary = "The release carries the hazard {hazard}, and '{environment}' allows {allowed}."
    explanation = "No approval is enough for this kind."
    hint = (
        "write the revision in a safer way; or change allowed_hazards under this environment in rollout.toml"
    )


@dataclass(eq=False)
class QuorumNotMet(Refused):
    """Too few persons have approved."""

    environment: str
    have: int
    needed: int
    approvers: str

    summary = "'{environment}' needs the approvals of {needed} persons, and has {have} ({approvers})."
    explanation = "A person and a key count once each."
    hint = "have another one run: wish-rollout approve {environment}"


@dataclass(eq=False)
class BreakGlassDisabled(Refused):
    """Break glass, where the policy has none."""

    environment: str

    summary = "'{environment}' knows no way around its approvals."
    explanation = "rollout.toml says break_glass = false there."
    hint = "have those approve whom the policy wants: wish-rollout approve {environment}"
