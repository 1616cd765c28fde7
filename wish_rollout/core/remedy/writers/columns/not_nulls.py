"""NOT NULL of columns: what is done to a parent's column is done to those of its children. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import parents_of, relation
from wish_rollout.core.remedy.sql_syntax import identifier, literal
from wish_rollout.core.remedy.writers.columns.not_null_names import (
    NOT_NULLS,
    actual_name,
    chosen_name,
    inherited_from,
    passes_on,
    staying_children,
    usual_not_null,
)
from wish_rollout.core.remedy.writers.columns.not_null_statements import add, drop, rename
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.change import ValuePair

_STAYS_VALID = (
    "only a NOT NULL constraint that is neither inherited nor of a primary key can become NOT VALID"
)
_KEEPS_NAME = "no statement renames a NOT NULL constraint that is inherited"


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Set, change or drop NOT NULL; remove the pairs that are written."""
    if not pairs.keys() & {"not null", *NOT_NULLS}:
        return []
    old, new = draft.live["column", name], draft.target["column", name]
    if not new.get("not null"):
        is_changed = bool(pairs.get("not null"))
        for key in ("not null", *NOT_NULLS):
            pairs.pop(key, None)
        return drop(draft, name) if is_changed else []
    if pairs.get("not null not valid", (None, None))[1]:
        return _add_not_valid(draft, name, pairs)
    made = []
    if "not null" in pairs:
        del pairs["not null"]
        made = [*_of_children(draft, name), add(draft, name, pairs)]
    elif not old.get("not null"):
        pairs.pop("not null constraint", None)  # it came with the parent's, or before it
    return made + beside(draft, name, pairs)


def beside(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write what a NOT NULL constraint has beside being one (18 and later)."""
    if not any(key in pairs for key in NOT_NULLS):
        return []
    table = split_last(name)[0]
    new, old = draft.target["column", name], draft.live.get(("column", name), {})
    if pairs.get("not null not valid", (None, None))[1]:
        return _add_not_valid(draft, name, pairs)
    made = []
    named = identifier(actual_name(draft.live if old.get("not null") else draft.target, name))
    if not old.get("not null") and "not null constraint" not in pairs:  # it was created with its name
        named = identifier(chosen_name(new.get("not null constraint")) or usual_not_null(*split_last(name)))
    if "not null constraint" in pairs:
        named, renaming = _named(draft, name, named, pairs.pop("not null constraint"))
        made += renaming
    if pairs.pop("not null not valid", (None, None))[0]:
        made.append(f"ALTER TABLE {table} VALIDATE CONSTRAINT {named}")
    if "not null no inherit" in pairs:
        after = pairs.pop("not null no inherit")[1]
        made.append(f"ALTER TABLE {table} ALTER CONSTRAINT {named} {'NO ' if after else ''}INHERIT")
    if "not null comment" in pairs:
        after = pairs.pop("not null comment")[1]
        made.append(f"COMMENT ON CONSTRAINT {named} ON {table} IS {literal(after) if after else 'NULL'}")
    return made


def _named(draft: Draft, name: str, named: str, pair: ValuePair) -> tuple[str, list[str]]:
    """Return the name that a constraint has afterwards, and the statements that rename it or make it the table's own."""
    table, column = split_last(name)
    after = identifier(actual_name(draft.target, name))
    if _is_attached(draft, name):
        return named, []
    if _is_shared(draft, name):
        if named == after and pair[1] is not None:
            return named, [f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"]
        draft.gap("column", name, _KEEPS_NAME)
        return named, []
    if pair[0] is None and inherited_from(draft.live, name) and named != after:
        draft.gap("column", name, "it keeps the name that its NOT NULL constraint had as an inherited one")
        return named, []
    return after, rename(draft, table, named, after) if named != after else []


def _is_shared(draft: Draft, name: str) -> bool:
    """Return whether a table that stays a child inherits the constraint, or one of the live children does."""
    table, own = split_last(name)
    parents = [
        each
        for each in parents_of(relation(draft.live, table))
        if each in parents_of(relation(draft.target, table))
    ]
    above = [draft.target.get(("column", f"{each}.{own}"), {}) for each in parents]
    below = [draft.live.get(("column", f"{each}.{own}"), {}) for each in draft.live_children.get(table, ())]
    return any(map(passes_on, above)) or any(each.get("not null") for each in below)


def _is_attached(draft: Draft, name: str) -> bool:
    """Return whether a column's table becomes a partition, so that the constraint is no longer the table's own."""
    table = split_last(name)[0]
    before, after = (relation(objects, table).get("partition of") for objects in (draft.live, draft.target))
    return after is not None and before != after and "not null constraint" not in draft.target["column", name]


def _of_children(draft: Draft, name: str) -> list[str]:
    """Return the statements that make columns of children NOT NULL by themselves, before they inherit it."""
    made = []
    for each in staying_children(draft, name):
        live, target = draft.live["column", each], draft.target["column", each]
        made += _of_children(draft, each)
        if not live.get("not null") and "not null constraint" in target:
            made.append(add(draft, each, {}) + (" NOT VALID" if target.get("not null not valid") else ""))
    return made


def _add_not_valid(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write a NOT NULL constraint that existing rows need not satisfy."""
    table, column = split_last(name)
    for key in ("not null", "not null not valid", "not null constraint"):
        pairs.pop(key, None)
    if ("column", name) not in draft.live and inherited_from(draft.target, name):
        draft.gap("column", name, "a new child has the NOT NULL constraint of its parent valid")
        return []
    first = []
    if draft.live.get(("column", name), {}).get("not null"):
        if _is_shared(draft, name) or _is_in_primary_key(draft, table, column):
            draft.gap("column", name, _STAYS_VALID)
            return []
        first = drop(draft, name)
    named = identifier(actual_name(draft.target, name))
    children = staying_children(draft, name)
    return [
        *first,
        *_of_children(draft, name),
        f"ALTER TABLE {table} ADD CONSTRAINT {named} NOT NULL {column} NOT VALID",
        *(
            f"ALTER TABLE {split_last(each)[0]} VALIDATE CONSTRAINT {named}"
            for each in children
            if not draft.live["column", each].get("not null")
            and not {"not null constraint", "not null not valid"} & draft.target["column", each].keys()
        ),
    ]


def _is_in_primary_key(draft: Draft, table: str, column: str) -> bool:
    """Return whether a column is in the primary key that its table has."""
    return any(
        kind == "constraint"
        and properties["type"] == "primary key"
        and split_last(name)[0] == table
        and column in properties.get("columns", ())
        for (kind, name), properties in draft.target.items()
    )
