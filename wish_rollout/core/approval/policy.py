"""The approval policy of an environment, and the check whether approvals satisfy it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import UNKNOWN_REQUESTER
from wish_rollout.core.approval.subject import subject_differences
from wish_rollout.core.errors.gate import approvals as errors
from wish_rollout.core.plan.canonical_digest import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from wish_rollout.core.approval.documents import ApprovalStatement, Request
    from wish_rollout.core.approval.subject import Subject
    from wish_rollout.core.approval.windows import Window

MAX_CLOCK_SKEW = timedelta(minutes=5)
"""The largest accepted difference between the clocks of two machines."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The approval policy of an environment.

    ``quorum_for``: hazard kind → persons. ``allowed_hazards``: None allows all kinds. ``approvers``: shell
    patterns of the principals that may approve; empty: all principals in the file of allowed signers.
    ``signers``: the SHA-256 of that file, so that a change of the file invalidates earlier requests.
    """

    signers: str
    quorum: int = 1
    quorum_for: tuple[tuple[str, int], ...] = ()
    four_eyes: bool = True
    lives: timedelta = timedelta(hours=24)
    windows: tuple[Window, ...] = ()
    approvers: tuple[str, ...] = ()
    allowed_hazards: tuple[str, ...] | None = None
    break_glass: bool = True

    @property
    def digest(self) -> str:
        """The digest of the policy."""
        json_values = {"lives": self.lives.total_seconds(), "windows": [str(w) for w in self.windows]}
        return canonical_digest(asdict(self) | json_values)

    def allows_approver(self, person: str) -> bool:
        """Return whether a person, if in the file of allowed signers, may approve."""
        name = person.casefold()
        return not self.approvers or any(fnmatchcase(name, each.casefold()) for each in self.approvers)

    def quorum_for_hazards(self, hazards: Sequence[str]) -> int:
        """Return how many persons must approve a change with these hazards."""
        kinds = {hazard.partition(" ")[0] for hazard in hazards}
        return max([self.quorum, *(number for kind, number in self.quorum_for if kind in kinds)])

    def required_approvals(self, request: Request) -> int:
        """Return how many persons must approve a request.

        If the requester is unknown, one of the approvers may be the requester: one more is required.
        """
        is_requester_unknown = self.four_eyes and request.requester == UNKNOWN_REQUESTER
        return self.quorum_for_hazards(request.subject.hazards) + is_requester_unknown


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with a valid signature by an allowed key.

    ``key``: the key's fingerprint. ``person``: all names, in lower case, that the approver's keys have in the
    file of allowed signers: a person with two names is counted once.
    """

    statement: ApprovalStatement
    key: str
    person: frozenset[str]


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request with sufficient approvals. ``break_glass``: the reason to proceed with only one of them, or "".

    ``ledger_fault``: why the ledger was not intact, which only break glass accepts.
    """

    request: Request
    approvals: tuple[SignedStatement, ...]
    break_glass: str = ""
    ledger_fault: str = ""

    @property
    def approvers(self) -> tuple[str, ...]:
        """The names of the approvers."""
        return tuple(signed.statement.approver for signed in self.approvals)


def check_request(request: Request, current: Subject, policy: Policy, now: datetime) -> None:
    """Raise an error if a request is not for exactly the current subject, or is not valid at this time.

    Raises ApprovalForOtherDatabase, ApprovalForOtherPlan, ApprovalOutdated, RequestLifetimeInvalid,
    ApprovalExpired, HazardNotApprovable.
    """
    requested, name = request.subject, current.environment
    if (requested.environment, requested.database) != (name, current.database):
        databases = (f"'{each.environment}' (database {each.database})" for each in (requested, current))
        raise errors.ApprovalForOtherDatabase(name, *databases)
    found = subject_differences(requested, current)
    if found:
        changed = "; ".join(f"{field} was {before}, is {after}" for field, (before, after) in found.items())
        if found.keys() & {"act", "from", "to"}:
            raise errors.ApprovalForOtherPlan(name, changed)
        raise errors.ApprovalOutdated(name, changed)
    if request.requested > now + MAX_CLOCK_SKEW or request.expires - request.requested > policy.lives:
        times = (str(each) for each in (request.requested, request.expires, policy.lives))
        raise errors.RequestLifetimeInvalid(name, *times)
    if request.expires <= now:
        raise errors.ApprovalExpired(name, str(request.expires))
    check_hazards(current, policy)


def check_hazards(current: Subject, policy: Policy) -> None:
    """Raise HazardNotApprovable if the policy does not allow the kind of a hazard."""
    for hazard in current.hazards:
        if policy.allowed_hazards is not None and hazard.partition(" ")[0] not in policy.allowed_hazards:
            allowed = ", ".join(policy.allowed_hazards) or "none"
            raise errors.HazardNotApprovable(current.environment, hazard, allowed)


def check_approver(signed: SignedStatement, policy: Policy) -> None:
    """Raise an error if the approver may not approve this request. With break glass, the requester may.

    Raises ApproverNotAllowed, BreakGlassDisabled, ApproverIsRequester, ApproverIsAuthor.
    """
    statement, request = signed.statement, signed.statement.request
    name = request.subject.environment
    if not policy.allows_approver(statement.approver):
        raise errors.ApproverNotAllowed(name, statement.approver, ", ".join(policy.approvers))
    if statement.break_glass:
        if not policy.break_glass:
            raise errors.BreakGlassDisabled(name)
        return
    if policy.four_eyes and request.requester.casefold() in signed.person:
        raise errors.ApproverIsRequester(name, statement.approver)
    if policy.four_eyes and signed.person & {author.casefold() for author in request.subject.authors}:
        raise errors.ApproverIsAuthor(name, statement.approver, ", ".join(request.subject.authors))


def check_window(environment: str, policy: Policy, now: datetime) -> None:
    """Raise OutsideChangeWindow if the environment may not be changed at this time."""
    if policy.windows and not any(window.contains(now) for window in policy.windows):
        windows = "; ".join(map(str, policy.windows))
        raise errors.OutsideChangeWindow(environment, f"{now:%a %H:%M %Z}", windows)


def authorize(
    request: Request, signed: Sequence[SignedStatement], policy: Policy, now: datetime
) -> Authorization:
    """Return the authorization by the approvals of a request; raise QuorumNotMet, OutsideChangeWindow.

    ``signed``: approvals of this request that have passed ``check_approver``.
    """
    name = request.subject.environment
    emergency = next((each for each in signed if each.statement.break_glass), None)
    if emergency:
        return Authorization(request, (emergency,), emergency.statement.break_glass)
    counted = distinct_persons(signed)
    needed = policy.required_approvals(request)
    if len(counted) < needed:
        raise errors.QuorumNotMet(name, len(counted), needed, ", ".join(sorted(counted)) or "nobody")
    check_window(name, policy, now)
    return Authorization(request, tuple(counted.values()))


def distinct_persons(signed: Sequence[SignedStatement]) -> Mapping[str, SignedStatement]:
    """Return one approval a person, whatever their names and keys, by the name that the approval has."""
    persons = {each.person: each for each in signed}
    return {each.statement.approver.casefold(): each for each in persons.values()}
