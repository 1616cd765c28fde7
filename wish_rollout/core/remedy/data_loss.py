"""Through which statements a value can be lost: rows, columns, attributes, sequence values, secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.attribute_renames import with_new_names
from wish_rollout.core.remedy.identity_sequences import heir
from wish_rollout.core.remedy.type_casts import loses_values
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.schema.names_in_text import find_qualified_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key

_HOLDS_DATA = frozenset({"table", "sequence", "extension", "user mapping", "subscription"})
_WITHOUT_ROWS = ("view", "materialized view", "foreign table")


def drop_loses(draft: Draft, key: Key) -> bool:
    """Return whether dropping an object drops rows or values; one that is created again loses none."""
    kind, name = key
    if kind == "column":
        whole = split_last(name)[0]
        if any((of, whole) in draft.live for of in _WITHOUT_ROWS):
            return False
        return "generated" not in draft.live[key] or "generated" not in draft.target.get(key, {})
    if kind == "sequence" and heir(draft, name) is not None:
        return False
    if kind == "user mapping" and key in draft.target:
        return False  # it is created again, since none of its options is secret
    return kind in _HOLDS_DATA


def change_loses(draft: Draft, key: Key, pairs: Pairs) -> bool:
    """Return whether altering an object can lose values without an error."""
    if key[0] == "column" and "type" in pairs:
        return "generated" not in draft.live[key] and loses_values(draft.live, draft.target, *pairs["type"])
    if key[0] == "composite type" and "attributes" in pairs:
        return _attributes_lose(draft, key[1], pairs)
    return False


def _attributes_lose(draft: Draft, name: str, pairs: Pairs) -> bool:
    before, after = (pair or [] for pair in pairs["attributes"])
    before = with_new_names(before, after)
    wanted = {each["name"]: each["type"] for each in after}
    lost = any(
        each["name"] not in wanted
        or loses_values(draft.live, draft.target, each["type"], wanted[each["name"]])
        for each in before
    )
    return lost and next(columns_holding(draft.live, name), None) is not None


def columns_holding(objects: Mapping[Key, Properties], type_name: str) -> Iterator[str]:
    """Yield the columns of tables in which a type's values are: in arrays, domains, composites and ranges too."""
    holding = {type_name}
    while True:
        more = {
            name
            for (kind, name), properties in objects.items()
            if kind in {"domain", "composite type", "range type"}
            and name not in holding
            and find_qualified_names(properties) & holding
        }
        if not more:
            break
        holding |= more
    for (kind, name), properties in objects.items():
        if kind == "column" and ("table", split_last(name)[0]) in objects:
            if find_qualified_names({"type": properties["type"]}) & holding:
                yield name
        elif kind == "table" and properties.get("of type") in holding:
            yield name
