"""What a server of a major version cannot have. Manual, release notes of each version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.schema.snapshot import Key

SINCE = {
    ("column", "virtual"): 18,
    ("column", "not null not valid"): 18,
    ("constraint", "not enforced"): 18,
    ("constraint", "period"): 18,
    ("publication", "generated columns"): 18,
    ("collation", "rules"): 16,
    ("constraint", "nulls not distinct"): 15,
    ("constraint", "on delete columns"): 15,
    ("index", "nulls not distinct"): 15,
    ("publication", "schemas"): 15,
    ("sequence", "persistence"): 15,
}
"""Kind and property → the first major version that knows it."""


def reason_unknown(draft: Draft, key: Key) -> str:
    """Return why a server of the draft's version cannot have an object as the target has it; empty if it can."""
    for name in draft.target.get(key, {}):
        since = SINCE.get((key[0], name), 0)
        if draft.major < since:
            return f"its {name} needs PostgreSQL {since}, and the server is of version {draft.major}"
    return ""
