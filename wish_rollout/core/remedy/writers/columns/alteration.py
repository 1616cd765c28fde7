"""Altering columns in place. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.graph.schema_index import parents_of, relation
from wish_rollout.core.remedy.type_casts import cast_path
from wish_rollout.core.remedy.writers.columns import not_nulls
from wish_rollout.core.remedy.writers.columns.creation import (
    PASSED_OVER,
    create,
    follows_type,
    is_attached_again,
)
from wish_rollout.core.remedy.writers.columns.limits import stops
from wish_rollout.core.remedy.writers.columns.not_null_names import staying_children
from wish_rollout.core.remedy.writers.columns.properties import beside
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft, Pairs


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter a column in place."""
    pairs.pop("position", None)
    table = split_last(name)[0]
    if any((of, table) in draft.target for of in ("view", "materialized view")):
        for key in ("type", "collation", "not null"):
            pairs.pop(key, None)
        return beside(draft, name, pairs)
    _leave_to_parent(draft, name, pairs)
    _inherited(draft, name, pairs)
    made = _type(draft, name, pairs) + _expression(draft, name, pairs)
    if "identity" in pairs and pairs["identity"][1] is None:
        made += beside(draft, name, {"identity": pairs.pop("identity")})
    made += not_nulls.alter(draft, name, pairs)
    return made + beside(draft, name, pairs)


def _inherited(draft: Draft, name: str, pairs: Pairs) -> None:
    """Report a column that does not become inherited, or its table's own, by what happens to the parents."""
    if "inherited" not in pairs:
        return
    after = pairs.pop("inherited")[1]
    if not _follows_parents(draft, name, after):
        why = "INHERIT leaves it" if after else "no statement makes an inherited column"
        draft.gap("column", name, f"{why} the table's own as well")


def _follows_parents(draft: Draft, name: str, inherited: bool | None) -> bool:
    """Return whether a column becomes its table's own, or its parents', by what happens to the parents.

    ATTACH PARTITION makes a column the parent's; INHERIT leaves it the table's own as well. A column without a
    parent's is always the table's own.
    """
    table, own = split_last(name)
    if inherited:
        return "partition of" in relation(draft.target, table)
    parents = parents_of(relation(draft.target, table))
    return not any(("column", f"{parent}.{own}") in draft.target for parent in parents)


def _leave_to_parent(draft: Draft, name: str, pairs: Pairs) -> None:
    """Remove what an inherited column gets when its parent's is altered; a new parent is attached later."""
    table, column = split_last(name)
    if is_attached_again(draft, table):
        return
    before, after = (parents_of(relation(each, table)) for each in (draft.live, draft.target))
    for parent in (each for each in after if each in before):
        if ("column", f"{parent}.{column}") not in draft.target:
            continue
        old = draft.live.get(("column", f"{parent}.{column}"), {})
        new = draft.target.get(("column", f"{parent}.{column}"), {})
        for key in [key for key, pair in pairs.items() if pair == (old.get(key), new.get(key))]:
            if key not in PASSED_OVER:
                del pairs[key]


def _type(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change type and collation."""
    if "type" not in pairs and "collation" not in pairs:
        return []
    table, column = split_last(name)
    old, new = draft.live["column", name], draft.target["column", name]
    pairs.pop("collation", None)
    if follows_type(draft, table):
        del pairs["type"]
        return []
    before, after = pairs.pop("type", (old["type"], new["type"]))
    path = cast_path({**draft.live, **draft.target}, before, after, draft.major)
    foreign = "FOREIGN " if ("foreign table", table) in draft.target else ""
    words = f"ALTER {foreign}TABLE {table} ALTER COLUMN {column} TYPE {after}"
    if "collation" in new:
        words += f" COLLATE {new['collation']}"
    if foreign:
        return [words]  # the rows are elsewhere; USING is refused
    array = "[]" if after.endswith("[]") else ""
    if path in {"explicit", "text"} and "generated" not in old:
        words += f" USING {column}{f'::text{array}' if path == 'text' else ''}::{after}"
    for reset in ("storage", "compression"):  # another type begins with its own
        if reset in old and reset in new and before != after:
            pairs[reset] = (None, new[reset])
    return [words]


def _expression(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    if "generated" not in pairs:
        return []
    table, column = split_last(name)
    _, after = pairs.pop("generated")
    if after is None:
        return [f"ALTER TABLE {table} ALTER COLUMN {column} DROP EXPRESSION"]
    return [
        f"ALTER TABLE {split_last(each)[0]} ALTER COLUMN {column} SET EXPRESSION AS ({expression})"
        for each, expression in [(name, after), *_kept_expressions(draft, name, after)]
    ]


def _kept_expressions(draft: Draft, name: str, after: str) -> Iterator[tuple[str, str]]:
    """Yield the columns of children that keep their expression, although their parent's gets another one."""
    for each in staying_children(draft, name):
        live, target = (objects["column", each].get("generated") for objects in (draft.live, draft.target))
        if live == target != after and target is not None:
            yield each, target
        yield from _kept_expressions(draft, each, after)


WRITER = Writer(9, create, alter, rebuilds=False, stops=stops)
