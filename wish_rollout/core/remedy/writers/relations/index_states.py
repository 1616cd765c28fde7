"""What an index is beside its definition: invalid, or that of CLUSTER. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.sql_syntax import Props


def is_half_made(draft: Draft, table: str, properties: Props, *, invalid: bool) -> bool:
    """Return whether an index is in a state to which no statement leads. ONLY leads to an invalid partitioned one."""
    is_partitioned = "partition by" in draft.target.get(("table", table), {})
    return (invalid and not is_partitioned) or bool(properties.get("not ready"))


def clustering(draft: Draft, table: str, index: str | None) -> list[str]:
    """Return the statement that makes an index, or none, that of CLUSTER; empty where another one is to be it."""
    if index is not None:
        return [f"ALTER TABLE {table} CLUSTER ON {index}"]
    is_other = any(
        each.get("clustered") and table == (each["table"] if kind == "index" else split_last(name)[0])
        for (kind, name), each in draft.target.items()
        if kind in {"index", "constraint"}
    )
    return [] if is_other else [f"ALTER TABLE {table} SET WITHOUT CLUSTER"]
