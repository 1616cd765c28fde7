"""A lock that blocks queries, held while the same or a later statement of its transaction reads or writes rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from wish_rollout.core.hazards.blocked_tables import HeldLock
    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "lock-held"
WHY_EARLIER = (
    "The lock that '{since}' takes on {table} is kept until the end of the transaction (manual, 13.3.1). So {blocked} "
    "block while '{during}' reads or writes {tables}."
)
WHY_OWN = (
    "'{during}' holds the lock on {table} while it reads or writes {tables}. Meanwhile, {blocked} block."
)
INSTEAD = """\
# {during}
with op.get_context().autocommit_block():   # a transaction of its own: the lock of the other statement is released
    op.execute("...")"""
INSTEAD_OWN = """\
# split the change into steps that hold the lock only for a moment (docs/hazards.md), or use a maintenance window:
allow_hazards = {{"{kind}": "in the window of …"}}"""
SHOWN_LENGTH = 80


def earlier_lock_hazard(step: RevisionStep, lock: HeldLock) -> Hazard:
    """Return the hazard of a lock that an earlier statement took."""
    text = HazardText(lock.mode.sql, _why(WHY_EARLIER, lock), INSTEAD.format(during=_shown(lock.during.text)))
    return step.hazard(KIND, f"{lock.table} during {_operation(lock)}", lock.table, text)


def unnamed_hazard(step: RevisionStep, lock: HeldLock, kind: str | None) -> Hazard:
    """Return the hazard of a statement that holds its own lock. ``kind``: what it says it does, if that is known."""
    text = HazardText(lock.mode.sql, _why(WHY_OWN, lock), INSTEAD_OWN.format(kind=kind or KIND))
    return step.hazard(kind or KIND, f"{lock.table} during {_operation(lock)}", lock.table, text)


def _operation(lock: HeldLock) -> str:
    """Return the first two words of the statement, and the tables that it reads or writes."""
    words = " ".join(lock.during.text.split()[:2]).upper()
    return f"{words} of {', '.join(lock.tables)}"


def _why(template: str, lock: HeldLock) -> str:
    blocked = "reads and writes" if lock.mode.sql == "ACCESS EXCLUSIVE" else "writes"
    return template.format(
        since=_shown(lock.since.text),
        during=_shown(lock.during.text),
        table=lock.table,
        tables=", ".join(lock.tables),
        blocked=blocked,
    )


def _shown(text: str) -> str:
    line = " ".join(escape_to_one_line(text).split())
    return line if len(line) <= SHOWN_LENGTH else f"{line[: SHOWN_LENGTH - 1]}…"
