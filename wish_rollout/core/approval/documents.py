"""The documents of an approval: short texts that state exactly what will happen to which database.

A document has a canonical form: each value has exactly one text, and any other text is refused. So the text
that was read, the text that was signed and the text that is compared are the same bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wish_rollout.core.approval.subject import NONE, Subject, field_label, field_value
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument
from wish_rollout.core.ledger import EMPTY_LEDGER, LedgerHead
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator


TITLE = "wish-rollout approval, format 2"
NAMESPACE = "wish-rollout"
"""The purpose of the signatures; one made for another purpose is refused (ssh-keygen(1), ``-n``)."""
UNKNOWN_REQUESTER = "unknown"
NONCE = re.compile("[0-9a-f]{64}")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Request:
    """A request for approval of a subject. ``nonce``: its ID, by which an approval can be used only once.

    ``ledger``: the last row of the target's ledger at the time of the request. A later row voids the request.
    """

    subject: Subject
    requester: str
    requested: datetime
    expires: datetime
    nonce: str
    ledger: LedgerHead = EMPTY_LEDGER

    def text(self) -> str:
        """Return the canonical text: one line a field."""
        return "".join(f"{line}\n" for line in (TITLE, "", *_request_lines(self)))

    @classmethod
    def from_text(cls, text: str) -> Request:
        """Return the request with a canonical text; raise InvalidApprovalDocument for any other text."""
        request = _parse(text)[0]
        if request.text() != text:
            raise InvalidApprovalDocument("it is not in the canonical form of a request")
        return request


@dataclass(frozen=True, slots=True)
class ApprovalStatement:
    """The statement of an approver about a request: its text is signed.

    ``break_glass``: the reason to proceed without the other approvers, or "".
    """

    request: Request
    approver: str
    reason: str
    break_glass: str = ""

    def text(self) -> str:
        """Return the canonical text: the request's, then the lines of the approver."""
        lines = (
            f"approver: {escape_to_one_line(self.approver)}",
            f"reason: {escape_to_one_line(self.reason)}",
            f"break glass: {escape_to_one_line(self.break_glass) or 'no'}",
        )
        return self.request.text() + "".join(f"{line}\n" for line in lines)

    @classmethod
    def from_text(cls, text: str) -> ApprovalStatement:
        """Return the statement with a canonical text; raise InvalidApprovalDocument for any other text."""
        request, values = _parse(text)
        approver, reason = (values.get(name, "") for name in ("approver", "reason"))
        break_glass = values.get("break glass", "no")
        statement = cls(request, approver, reason, "" if break_glass == "no" else break_glass)
        if statement.text() != text:
            raise InvalidApprovalDocument("it is not in the canonical form of an approval")
        return statement


def to_document_time(moment: datetime) -> datetime:
    """Return a time as a document contains it: in UTC, in whole seconds."""
    return moment.astimezone(UTC).replace(microsecond=0)


def _request_lines(request: Request) -> Iterator[str]:
    for field in fields(Subject):
        yield f"{field_label(field.name)}: {escape_to_one_line(field_value(request.subject, field.name))}"
    yield f"requester: {escape_to_one_line(request.requester)}"
    yield f"requested: {request.requested.strftime(TIME_FORMAT)}"
    yield f"expires: {request.expires.strftime(TIME_FORMAT)}"
    yield f"nonce: {escape_to_one_line(request.nonce)}"
    yield f"ledger: {request.ledger}"


def _parse(text: str) -> tuple[Request, dict[str, str]]:
    """Return the request in a text, and the fields that do not belong to the request."""
    title, _, body = text.partition("\n\n")
    if title != TITLE:
        raise InvalidApprovalDocument(f"it does not begin with '{TITLE}'")
    values = dict(line.partition(": ")[::2] for line in body.splitlines())
    try:
        subject = _parse_subject(
            {field.name: values.pop(field_label(field.name)) for field in fields(Subject)}
        )
        requester, requested, expires = (values.pop(name) for name in ("requester", "requested", "expires"))
        nonce = _parse_nonce(values.pop("nonce"))
        times = _parse_time(requested), _parse_time(expires)
        request = Request(subject, requester, *times, nonce, LedgerHead.from_text(values.pop("ledger")))
    except KeyError as missing:
        raise InvalidApprovalDocument(f"it has no line {missing}") from None
    except ValueError as error:
        raise InvalidApprovalDocument(str(error)) from None
    return request, values


def _parse_subject(values: dict[str, str]) -> Subject:
    hazards, authors = (_parse_list(values.pop(name)) for name in ("hazards", "authors"))
    return Subject(**values, hazards=hazards, authors=authors)


def _parse_list(value: str) -> tuple[str, ...]:
    return () if value == NONE else tuple(value.split(", "))


def _parse_nonce(text: str) -> str:
    if not NONCE.fullmatch(text):
        raise ValueError(f"its nonce is not {NONCE.pattern}")
    return text


def _parse_time(text: str) -> datetime:
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
