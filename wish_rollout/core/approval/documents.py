"""What a person signs: a short text that says exactly what will happen, to exactly what is there.

The text is canonical: a value has one text, and a text that is not exactly what its value would be written as
is no text of ours. So what was read, what was signed and what is compared are the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wish_rollout.core.errors.signatures import InvalidApprovalDocument
from wish_rollout.core.release.release import say
from wish_rollout.core.schema.delta_rendering import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.plan.plan import EnvironmentPlan

TITLE = "wish-rollout approval, format 1"
NAMESPACE = "wish-rollout"
"""What a signature is for; one made for another purpose does not count (ssh-keygen(1), ``-n``)."""
NONE = "none"
UNKNOWN = "unknown"
NONCE = re.compile("[0-9a-f]{64}")
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Subject:
    """What will happen to which database, as it was looked at; change one field, and an approval is void.

    ``database``: its name, and its cluster's. ``schema``: the live fingerprint. ``policy``: the digest of the rules
    that hold. ``authors``: who wrote the revisions. ``hazards``: of statements and rows, by name.
    """

    environment: str
    database: str
    act: str
    start: str
    end: str
    release: str
    plan: str
    schema: str
    hazards: tuple[str, ...]
    server: str
    policy: str
    authors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A subject, who asks for its approval, until when, and the nonce by which it is used once."""

    subject: Subject
    requester: str
    requested: datetime
    expires: datetime
    nonce: str

    def text(self) -> str:
        """Write the canonical text, a line a field."""
        return "".join(f"{line}\n" for line in (TITLE, "", *_lines(self)))

    @classmethod
    def from_text(cls, text: str) -> Request:
        """Read a canonical text; raise BadApproval."""
        request, rest = _read(text)
        if rest or request.text() != text:
            raise InvalidApprovalDocument("it is not in the form that a request is written in")
        return request


@dataclass(frozen=True, slots=True)
class Statement:
    """One person's word on a request: the bytes that are signed.

    ``break_glass``: the reason to go on without the others, empty where nobody asks for that.
    """

    request: Request
    approver: str
    reason: str
    break_glass: str = ""

    def text(self) -> str:
        """Write the canonical text: the request's, and what the approver says."""
        own = (
            f"approver: {visible(self.approver)}",
            f"reason: {visible(self.reason)}",
            f"break glass: {visible(self.break_glass) or 'no'}",
        )
        return self.request.text() + "".join(f"{line}\n" for line in own)

    @classmethod
    def from_text(cls, text: str) -> Statement:
        """Read a canonical text; raise BadApproval."""
        request, rest = _read(text)
        glass = rest.get("break glass", "no")
        statement = cls(
            request, rest.get("approver", ""), rest.get("reason", ""), "" if glass == "no" else glass
        )
        if statement.text() != text:
            raise InvalidApprovalDocument("it is not in the form that an approval is written in")
        return statement


def subject_of(plan: EnvironmentPlan, policy: str, authors: tuple[str, ...]) -> Subject:
    """Say what carrying out this plan means, under a policy (its digest)."""
    return Subject(
        environment=plan.environment,
        database=visible(plan.facts.place),
        act=plan.action.value,
        start=say(plan.start),
        end=say(plan.end),
        release=plan.release_digest,
        plan=plan.digest,
        schema=plan.fingerprint,
        hazards=(
            *(visible(hazard.name) for hazard in plan.hazards),
            *(visible(finding.name) for finding in plan.findings if finding.rows),
        ),
        server=plan.facts.version,
        policy=policy,
        authors=tuple(map(visible, authors)),
    )


def changes(approved: Subject, standing: Subject) -> dict[str, tuple[str, str]]:
    """Give the fields that differ, each with what it was and what it is.

    The plan's digest covers the others; it is named only where none of them tells what changed.
    """
    found = {
        _label(field.name): (before, after)
        for field in fields(Subject)
        if (before := _say(getattr(approved, field.name))) != (after := _say(getattr(standing, field.name)))
    }
    return {name: pair for name, pair in found.items() if name != "plan"} or found


def utc(moment: datetime) -> datetime:
    """Give a moment as the text holds it: in UTC, whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


LABELS = {"start": "from", "end": "to"}


def _say(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ", ".join(value) or NONE


def _lines(request: Request) -> Iterator[str]:
    for field in fields(Subject):
        yield f"{_label(field.name)}: {visible(_say(getattr(request.subject, field.name)))}"
    yield f"requester: {visible(request.requester)}"
    yield f"requested: {request.requested.strftime(TIME)}"
    yield f"expires: {request.expires.strftime(TIME)}"
    yield f"nonce: {visible(request.nonce)}"


def _read(text: str) -> tuple[Request, dict[str, str]]:
    """Read the fields of a text; give the request, and what comes after it."""
    title, _, body = text.partition("\n\n")
    if title != TITLE:
        raise InvalidApprovalDocument(f"it does not begin with '{TITLE}'")
    values = dict(line.partition(": ")[::2] for line in body.splitlines())
    try:
        subject = _subject({field.name: values.pop(_label(field.name)) for field in fields(Subject)})
        request = Request(
            subject,
            values.pop("requester"),
            _moment(values.pop("requested")),
            _moment(values.pop("expires")),
            _nonce(values.pop("nonce")),
        )
    except KeyError as missing:
        raise InvalidApprovalDocument(f"it has no line {missing}") from None
    except ValueError as error:
        raise InvalidApprovalDocument(str(error)) from None
    return request, values


def _label(name: str) -> str:
    return LABELS.get(name, name)


def _subject(values: dict[str, str]) -> Subject:
    hazards, authors = (_list(values.pop(name)) for name in ("hazards", "authors"))
    return Subject(**values, hazards=hazards, authors=authors)


def _list(value: str) -> tuple[str, ...]:
    return () if value == NONE else tuple(value.split(", "))


def _nonce(text: str) -> str:
    if not NONCE.fullmatch(text):
        raise ValueError(f"its nonce is not {NONCE.pattern}")
    return text


def _moment(text: str) -> datetime:
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)
