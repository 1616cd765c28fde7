"""Which changes PostgreSQL refuses while a column has a table's row type, or a table is of a composite type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.row_types import rewritten_type, unconverted_attribute
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.snapshot import Key


def reason_kept(draft: Draft, key: Key, pairs: Pairs) -> str:
    """Return why an object cannot be changed like that: a column that stays has its type; empty where it can."""
    is_tables = key[0] == "composite type" and is_of_table(draft, key[1])
    if is_tables and (own := unconverted_attribute(draft.live, draft.target, draft.major, key[1])):
        return f"a table is of the type, and values of its attribute {own} are not converted by assignment"
    users = _in_tables(draft, rewritten_type(key, pairs))
    staying = sorted(
        each[1] for each in users if draft.live[each]["type"] == draft.target.get(each, {}).get("type")
    )
    if not staying or (key[0] == "composite type" and not is_of_table(draft, key[1])):
        return ""  # a composite type is replaced by a new one
    return f"the column {staying[0]} has its row type, and PostgreSQL does not convert its values"


def reason_not_added(draft: Draft, column: str) -> str:
    """Return why a column cannot be added: the rows would get values; empty where it can."""
    users = _in_tables(draft, split_last(column)[0]) if has_value(draft, column) else None
    return (
        f"the column {min(users)[1]} has its table's row type, and PostgreSQL does not convert its values"
        if users
        else ""
    )


def has_value(draft: Draft, column: str) -> bool:
    """Return whether the rows get values when a column is added."""
    properties = draft.target["column", column]
    is_computed = "identity" in properties or ("generated" in properties and not properties.get("virtual"))
    return is_computed or draft.default(column) is not None


def views_of_rows(
    draft: Draft, changed: Mapping[Key, Pairs], added: Iterable[Key]
) -> Iterator[tuple[Key, Key]]:
    """Yield the materialized views that have values of a type that is rewritten, and the change because of which."""
    rewritten = [(key, rewritten_type(key, pairs)) for key, pairs in sorted(changed.items())]
    rewritten += [
        (key, split_last(key[1])[0])
        for key in sorted(added)
        if key[0] == "column" and key in draft.target and has_value(draft, key[1])
    ]
    for key, name in rewritten:
        for column in sorted(draft.row_type_users.get(name or "", ())):
            view = ("materialized view", split_last(column[1])[0])
            if view in draft.live:
                yield view, key


def _in_tables(draft: Draft, name: str | None) -> list[Key]:
    """Return the columns of tables in which values of a type are; a materialized view is created again instead."""
    users = draft.row_type_users.get(name or "", ())
    return [each for each in users if ("table", split_last(each[1])[0]) in draft.live]


def is_of_table(draft: Draft, name: str) -> bool:
    """Return whether a table that stays is of a composite type."""
    return any(
        properties.get("of type") == name == draft.target.get(key, {}).get("of type")
        for key, properties in draft.live.items()
        if key[0] == "table"
    )
