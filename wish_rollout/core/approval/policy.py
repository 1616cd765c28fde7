"""What an environment demands of an approval, and whether the approvals that are there meet it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from wish_rollout.core.approval.documents import UNKNOWN, changes
from wish_rollout.core.errors import approvals as errors
from wish_rollout.core.plan.plan import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, time
    from zoneinfo import ZoneInfo

    from wish_rollout.core.approval.documents import Request, Statement, Subject

SKEW = timedelta(minutes=5)
"""How far two machines' clocks may be apart."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the week (0 is Monday) and hours, ``[opens, closes)``, in a time zone.

    One that closes before it opens ends on the next day. Hours are local wall clock: on the two days a year
    on which clocks change, a window is an hour longer or shorter.
    """

    days: tuple[int, ...]
    opens: time
    closes: time
    zone: ZoneInfo

    def holds(self, now: datetime) -> bool:
        """Whether this moment is in it."""
        local = now.astimezone(self.zone)
        clock, today = local.time().replace(tzinfo=None), local.weekday()
        if self.opens < self.closes:
            return today in self.days and self.opens <= clock < self.closes
        yesterday = (today - 1) % 7
        return (today in self.days and clock >= self.opens) or (
            yesterday in self.days and clock < self.closes
        )

    def __str__(self) -> str:
        days = ",".join(DAYS[day] for day in self.days)
        return f"{days} {self.opens:%H:%M}-{self.closes:%H:%M} {self.zone.key}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one environment.

    ``quorum_for``: hazard kind → persons. ``allowed_hazards``: None allows all kinds. ``approvers``: shell
    patterns of the principals whose word counts; empty: all that the file of signers names. ``signers``: the
    SHA-256 of that file, so that a change of it voids what was asked under the old one.
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
        """The name of exactly these rules."""
        plain = asdict(self) | {
            "lives": self.lives.total_seconds(),
            "windows": [str(w) for w in self.windows],
        }
        return digest_of(plain)

    def hears(self, person: str) -> bool:
        """Whether this person's word counts here, of those that may sign."""
        name = person.casefold()
        return not self.approvers or any(fnmatchcase(name, each.casefold()) for each in self.approvers)

    def wanted(self, hazards: Sequence[str]) -> int:
        """Say how many must approve something with these hazards."""
        present = {hazard.partition(" ")[0] for hazard in hazards}
        return max([self.quorum, *(number for kind, number in self.quorum_for if kind in present)])

    def persons(self, request: Request) -> int:
        """Say how many must approve. Where nobody knows who asked, one of them may be it: so one more."""
        return self.wanted(request.subject.hazards) + (self.four_eyes and request.requester == UNKNOWN)


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement whose signature is good and by an allowed key; ``key`` is the key's fingerprint.

    ``person``: all the names, in small letters, that the approver's keys have in the file of signers: whoever
    stands there twice is one person still.
    """

    statement: Statement
    key: str
    person: frozenset[str]


@dataclass(frozen=True, slots=True)
class Authorization:
    """What lets an act through: the request, who approved it, and why nobody more was asked, if so."""

    request: Request
    approvals: tuple[SignedStatement, ...]
    break_glass: str = ""

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved."""
        return tuple(signed.statement.approver for signed in self.approvals)


def check_request(request: Request, standing: Subject, policy: Policy, now: datetime) -> None:
    """Raise where a request is not of exactly what stands now, or its time is not now.

    Raises OtherEnvironment, OtherPlan, ApprovalVoid, LivesTooLong, ApprovalExpired, HazardNotAllowed.
    """
    asked, name = request.subject, standing.environment
    if (asked.environment, asked.database) != (name, standing.database):
        meant, here = (f"'{each.environment}' (database {each.database})" for each in (asked, standing))
        raise errors.ApprovalForOtherDatabase(name, meant, here)
    found = changes(asked, standing)
    if found:
        text = "; ".join(f"{field} was {was}, is {now_it}" for field, (was, now_it) in found.items())
        other = found.keys() & {"act", "from", "to"}
        raise (errors.ApprovalForOtherPlan if other else errors.ApprovalOutdated)(name, text)
    if request.requested > now + SKEW or request.expires - request.requested > policy.lives:
        raise errors.RequestLifetimeInvalid(name, str(request.requested), str(request.expires), str(policy.lives))
    if request.expires <= now:
        raise errors.ApprovalExpired(name, str(request.expires))
    check_hazards(standing, policy)


def check_hazards(standing: Subject, policy: Policy) -> None:
    """Raise HazardNotAllowed where a hazard's kind may not be approved here."""
    for hazard in standing.hazards:
        if policy.allowed_hazards is not None and hazard.partition(" ")[0] not in policy.allowed_hazards:
            allowed = ", ".join(policy.allowed_hazards) or "none"
            raise errors.HazardNotApprovable(standing.environment, hazard, allowed)


def check_person(signed: SignedStatement, policy: Policy) -> None:
    """Raise where this person's word does not count for this request.

    Raises MayNotApprove, NoBreakGlass, ApproverIsRequester, ApproverIsAuthor. Behind broken glass, the one
    who asks may approve.
    """
    statement, request = signed.statement, signed.statement.request
    who, name = statement.approver.casefold(), request.subject.environment
    if not policy.hears(who):
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
    """Raise OutsideWindow where the environment may not be touched now."""
    if policy.windows and not any(window.holds(now) for window in policy.windows):
        raise errors.OutsideChangeWindow(environment, f"{now:%a %H:%M %Z}", "; ".join(map(str, policy.windows)))


def grant(request: Request, signed: Sequence[SignedStatement], policy: Policy, now: datetime) -> Authorization:
    """Give the grant that the approvals of one request make; raise QuorumNotMet, OutsideWindow.

    ``signed``: approvals of this request, each of which has passed ``check_person``.
    """
    name = request.subject.environment
    broken = next((each for each in signed if each.statement.break_glass), None)
    if broken:
        return Authorization(request, (broken,), broken.statement.break_glass)
    counted = distinct(signed)
    needed = policy.persons(request)
    if len(counted) < needed:
        who = ", ".join(sorted(counted)) or "nobody"
        raise errors.QuorumNotMet(name, len(counted), needed, who)
    check_window(name, policy, now)
    return Authorization(request, tuple(counted.values()))


def distinct(signed: Sequence[SignedStatement]) -> Mapping[str, SignedStatement]:
    """Count each person once, whatever their names and keys; gives the name that each one used."""
    persons = {each.person: each for each in signed}
    return {each.statement.approver.casefold(): each for each in persons.values()}
