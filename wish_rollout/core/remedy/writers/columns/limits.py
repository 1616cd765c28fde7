"""Which changes of a column no ALTER TABLE makes, and what prevents one. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.row_types import unconverted_attribute
from wish_rollout.core.remedy.type_casts import INTEGERS, cast_path
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import contains_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.snapshot import Key

_STOPPING = frozenset(
    {
        "view",
        "materialized view",
        "rule",
        "function",
        "procedure",
        "policy",
        "trigger",
        "publication",
        "default",
    }
)


def reason_kept(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return why a column cannot be changed like that; empty where it can."""
    table, own = split_last(name)
    if ("column", name) not in draft.target and _is_in_partition_key(draft, table, own):
        return "no statement drops a column of the partition key"
    return _reason_of_typed_table(draft, table, pairs) or _reason_for_type(draft, name, pairs)


def _reason_of_typed_table(draft: Draft, table: str, pairs: Pairs) -> str:
    """Return why a column cannot follow the attribute of its table's type."""
    before, after = (
        objects.get(("table", table), {}).get("of type") for objects in (draft.live, draft.target)
    )
    if "type" not in pairs or before is None or before != after:
        return ""
    is_kept = unconverted_attribute(draft.live, draft.target, draft.major, before)
    return f"its table is of {before}, whose change is not covered" if is_kept else ""


def _reason_for_type(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return why a column cannot get another type."""
    table, own = split_last(name)
    if "type" not in pairs or "generated" in draft.live["column", name] or ("table", table) not in draft.live:
        return ""
    key, wanted = (
        objects.get(("table", table), {}).get("partition by", "") for objects in (draft.live, draft.target)
    )
    if key != wanted:
        return ""  # the table is created again
    if contains_identifier(key, own):
        return "no statement changes the type of a column of the partition key"
    before, after = pairs["type"]
    if cast_path({**draft.live, **draft.target}, before, after, draft.major) == "":
        return f"no cast leads from {before} to {after}"
    return ""


def _is_in_partition_key(draft: Draft, table: str, own: str) -> bool:
    """Return whether a column of a table that stays is in the key of its partitions, or in that of a table above."""
    live, target = draft.live.get(("table", table)), draft.target.get(("table", table))
    if live is None or target is None or live.get("partition by") != target.get("partition by"):
        return False
    if contains_identifier(live.get("partition by", ""), own):
        return True
    above = live.get("partition of")
    return above is not None and _is_in_partition_key(draft, above, own)


def is_rebuilt(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Return whether a generated column has to be dropped and added, because no statement alters it."""
    if "virtual" in pairs:
        return True
    if "generated" not in pairs:
        return False
    before, after = pairs["generated"]
    if before is None or (after is None and draft.live["column", name].get("virtual")):
        return True
    return after is not None and (draft.major < 17 or "type" in pairs or "collation" in pairs)


def can_be_rebuilt(draft: Draft, name: str) -> bool:
    """Return whether a column can be dropped and added without losing a value."""
    key = ("column", name)
    return "generated" in draft.live[key] and "generated" in draft.target.get(key, {})


def needs_using(draft: Draft, name: str, before: str | None, after: str | None) -> bool:
    """Return whether ALTER COLUMN … TYPE has a USING clause, which no foreign table that inherits the column accepts.

    Without types, the column gets the new form of its own type.
    """
    if ("table", split_last(name)[0]) not in draft.live or "generated" in draft.live["column", name]:
        return False
    if before is None or after is None:
        return True
    return cast_path({**draft.live, **draft.target}, before, after, draft.major) in {"explicit", "text"}


def stops(draft: Draft, name: str, pairs: Pairs, other: Key) -> bool:
    """Return whether an object prevents ALTER COLUMN … TYPE (manual, ALTER TABLE); indexes are rebuilt by it."""
    if "type" not in pairs and "collation" not in pairs:
        return False
    live = draft.live[other]
    if other[0] == "column":
        table = split_last(other[1])[0]
        if ("foreign table", table) in draft.live:
            return needs_using(draft, name, *pairs.get("type", ("", "")))
        return "generated" in live and table == split_last(name)[0]
    if other[0] == "constraint":
        return live["type"] == "foreign key" and not set(pairs.get("type", ())) <= set(INTEGERS)
    return other[0] in _STOPPING
