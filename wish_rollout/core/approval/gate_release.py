"""The statement by which an approver releases a database from its gate; it is signed and recorded in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.ledger import VERSION_TABLE, LedgerEntry, LedgerHead, last_head
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TITLE = "wish-rollout ungated, format 1"
UNGATED = "ungated"
"""The act of the ledger's row."""


@dataclass(frozen=True, slots=True)
class UngatedStatement:
    """A statement that a database may be changed without the approvals that its ledger shows.

    ``database``: its permanent identity. ``ledger``: the last row before the statement's own.
    """

    environment: str
    database: str
    ledger: LedgerHead
    reason: str

    def text(self) -> str:
        """Return the text to sign."""
        lines = (
            TITLE,
            "",
            f"environment: {escape_to_one_line(self.environment)}",
            f"database: {escape_to_one_line(self.database)}",
            f"ledger: {self.ledger}",
            f"reason: {escape_to_one_line(self.reason)}",
        )
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class GateInForce:
    """The gate that a ledger shows: the environment's name ("" in rows of earlier versions), and its approvers."""

    environment: str
    approvers: tuple[str, ...]


def approval_keys(entries: Sequence[LedgerEntry]) -> frozenset[str]:
    """Return the fingerprints of the keys whose approvals a ledger shows."""
    return frozenset(
        str(approval.get("key")) for entry in entries for approval in entry.act.detail.get("approvals") or ()
    )


def find_gate(
    entries: Sequence[LedgerEntry],
    database: str,
    signing_key: Callable[[str, str], str],
    version_table: str | None = None,
) -> GateInForce | None:
    """Return the gate of the last approved act of a database, or None if there is none or it was released.

    ``database``: its permanent identity; acts of the database from which this one was copied do not count.
    ``version_table``: only acts of the project with this version table count; None for all projects.
    ``signing_key``: returns the fingerprint of the key that made a signature over a text, or "".
    """
    gate: GateInForce | None = None
    for index, entry in enumerate(entries):
        detail = entry.act.detail
        if version_table and detail.get(VERSION_TABLE, version_table) != version_table:
            continue
        if entry.act.act == UNGATED:
            if _is_signed(entries[: index + 1], database, signing_key):
                gate = None
        elif detail.get("approvals") and detail.get("database", database) == database:
            names = tuple(str(each.get("approver")) for each in detail["approvals"])
            gate = GateInForce(str(detail.get("environment", "")), names)
    return gate


def _is_signed(entries: Sequence[LedgerEntry], database: str, signing_key: Callable[[str, str], str]) -> bool:
    """Return whether the last entry is a statement for this database, signed by an earlier approver's key."""
    *earlier, entry = entries
    detail = entry.act.detail
    statement = UngatedStatement(
        str(detail.get("environment")), database, last_head(earlier), str(detail.get("reason"))
    )
    return signing_key(statement.text(), str(detail.get("signature"))) in approval_keys(earlier)
