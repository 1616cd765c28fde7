"""Parents of tables: INHERIT, NO INHERIT, ATTACH PARTITION, DETACH PARTITION. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.schema_index import ancestors, parents_of
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties
    from wish_rollout.core.schema.snapshot import Key


def detach(draft: Draft, name: str) -> list[str]:
    """Separate a table from the parents that it does not keep."""
    old, new = draft.live["table", name], draft.target["table", name]
    if "partition of" in old:
        return [f"ALTER TABLE {old['partition of']} DETACH PARTITION {name}"]
    kept = new.get("inherits", ())
    return [f"ALTER TABLE {name} NO INHERIT {each}" for each in parents_of(old) if each not in kept]


def attach(draft: Draft, name: str) -> list[str]:
    """Attach a table to its new parents; a former parent goes last, so that no column becomes the table's own."""
    old, new = draft.live.get(("table", name), {}), draft.target["table", name]
    if "partition of" in new:
        parent = new["partition of"]
        made = _checks_for_parent(draft, name)
        return [*made, f"ALTER TABLE {parent} ATTACH PARTITION {name} {new['partition bound']}"]
    before, after = list(old.get("inherits", ())), list(new.get("inherits", ()))
    kept = [each for each in before if each in after]
    if kept + [each for each in after if each not in before] != after:
        draft.gap("table", name, "the order of the tables that it inherits from cannot be changed")
    added = [each for each in after if each not in before]
    for column in draft.columns(draft.target, name) if "partition of" in old else ():
        if draft.target["column", column].get("inherited"):
            draft.gap("column", column, "INHERIT leaves it the table's own as well")
    made = [f"ALTER TABLE {name} INHERIT {each}" for each in added]
    return made + [f"ALTER TABLE {name} NO INHERIT {each}" for each in before if each not in after]


def _checks_for_parent(draft: Draft, name: str) -> list[str]:
    """Return the checks that a table has to have before it becomes a partition: those of all tables above it."""
    made = []
    above = ancestors(draft.target, name)
    former = parents_of(draft.live.get(("table", name), {}))
    for (kind, full_name), properties in draft.target.items():
        table, own = split_last(full_name)
        if kind != "constraint" or table not in above or properties["type"] != "check":
            continue
        key = ("constraint", f"{name}.{own}")
        present = [draft.live.get(("constraint", f"{each}.{own}")) for each in (name, *former)]
        is_own = not draft.target.get(key, {"copy": True}).get("copy")
        if properties in present or is_own or properties.get("no inherit"):
            continue
        if ("table", name) not in draft.live and (kind, full_name) not in draft.live:
            continue  # the table gets it from its parent later
        made.append(f"ALTER TABLE {name} ADD CONSTRAINT {own} CHECK ({properties['expression']})")
    return made


def has_other_order(draft: Draft, name: str, parent: str) -> bool:
    """Return whether a partition has the columns of its parent in another order, as only ATTACH PARTITION makes it."""
    own, of_parent = (
        [split_last(column)[1] for column in draft.columns(draft.target, table)] for table in (name, parent)
    )
    return own != of_parent and set(own) == set(of_parent)


def is_rebuilt(_draft: Draft, _name: str, pairs: Pairs) -> bool:
    """Return whether a table is dropped with its rows and created again: no statement changes how it is partitioned."""
    return "partition by" in pairs


def reason_kept(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return why a table cannot be changed like that; empty where it can."""
    if pairs.get("of type", (None, None))[1] is not None:
        names = [draft.columns(objects, name) for objects in (draft.live, draft.target)]
        if names[0] != names[1]:
            return "OF needs a table with exactly the columns of the type"
    before, after = (
        _checks_of(objects, parents_of(objects.get(("table", name), {})))
        for objects in (draft.live, draft.target)
    )
    if "inherits" in pairs and any(before[own] != after[own] for own in before.keys() & after.keys()):
        return "its former parent and its new one have different checks of the same name"
    return ""


def _checks_of(objects: Mapping[Key, Properties], parents: list[str]) -> dict[str, str]:
    """Return the expressions of the checks of some tables by their names."""
    return {
        split_last(name)[1]: properties["expression"]
        for (kind, name), properties in objects.items()
        if kind == "constraint" and properties["type"] == "check" and split_last(name)[0] in parents
    }
