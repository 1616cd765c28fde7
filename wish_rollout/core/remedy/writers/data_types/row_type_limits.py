"""Which changes PostgreSQL refuses while a column has a table's row type, or a table is of a composite type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.row_types import rewritten_type
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.snapshot import Key


def reason_kept(draft: Draft, key: Key, pairs: Pairs) -> str:
    """Return why an object cannot be changed like that: a column that stays has its type; empty where it can."""
    users = draft.row_type_users.get(rewritten_type(key, pairs) or "", ())
    staying = sorted(
        each[1] for each in users if draft.live[each]["type"] == draft.target.get(each, {}).get("type")
    )
    if not staying or (key[0] == "composite type" and not is_of_table(draft, key[1])):
        return ""  # a composite type is replaced by a new one
    return f"the column {staying[0]} has its row type, and PostgreSQL does not convert its values"


def reason_not_added(draft: Draft, column: str) -> str:
    """Return why a column cannot be added: the rows would get values; empty where it can."""
    properties = draft.target["column", column]
    is_computed = "identity" in properties or ("generated" in properties and not properties.get("virtual"))
    is_computed = is_computed or draft.default(column) is not None
    users = draft.row_type_users.get(split_last(column)[0]) if is_computed else None
    return (
        f"the column {min(users)[1]} has its table's row type, and PostgreSQL does not convert its values"
        if users
        else ""
    )


def is_of_table(draft: Draft, name: str) -> bool:
    """Return whether a table that stays is of a composite type."""
    return any(
        properties.get("of type") == name == draft.target.get(key, {}).get("of type")
        for key, properties in draft.live.items()
        if key[0] == "table"
    )
