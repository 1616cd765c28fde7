"""Tables: made with their columns, and altered in what is theirs alone. Manual, CREATE TABLE, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import given, settings, with_toast
from wish_rollout.core.remedy.writers.columns.creation import definition
from wish_rollout.core.remedy.writers.columns.properties import beside
from wish_rollout.core.remedy.writers.relations import table_parents
from wish_rollout.core.remedy.writers.relations.child_columns import (
    inherited,
    leave_out_parents_expression,
    named_not_null,
)
from wish_rollout.core.schema.column_order import moved_columns
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

_FLAGS = {"row security": ("ENABLE", "DISABLE"), "force row security": ("FORCE", "NO FORCE")}


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a table with its columns; a partition and a child take theirs from the parents."""
    kept = {"unlogged": "UNLOGGED "}.get(properties.pop("persistence", ""), "")
    parents = properties.pop("inherits", [])
    partition_of = properties.pop("partition of", None)
    bound = properties.pop("partition bound", None)
    _note_order(draft, name, parents)
    text = f"CREATE {kept}TABLE {name}"
    if partition_of is not None and table_parents.has_other_order(draft, name, partition_of):
        inside, after = _columns_of_attached(draft, name)
        text += inside
        after = [*table_parents.attach(draft, name), *after]
    else:
        inside, after = _columns(draft, name, partition_of)
        text += f" PARTITION OF {partition_of}{inside} {bound}" if partition_of else inside or " ()"
    text += f" INHERITS ({', '.join(parents)})" if parents else ""
    if "partition by" in properties:
        text += f" PARTITION BY {properties.pop('partition by')}"
    of_parent = draft.target.get(("table", str(partition_of)), {}).get("access method")
    if method := properties.pop("access method", "heap" if of_parent else None):
        text += f" USING {method}"
    if stored := with_toast(properties):
        text += f" WITH ({given(stored)})"
    if "tablespace" in properties:
        text += f" TABLESPACE {properties.pop('tablespace')}"
    pairs: Pairs = {key: (None, properties.pop(key)) for key in [*_FLAGS, "of type"] if key in properties}
    return [text, *after, *alter(draft, name, pairs)]


def _columns_of_attached(draft: Draft, name: str) -> tuple[str, list[str]]:
    """Return the columns of a table that becomes a partition by ATTACH PARTITION, and what has to follow it."""
    inside, after = [], []
    for column in draft.columns(draft.target, name):
        properties = dict(draft.target["column", column])
        for of_parent in ("position", "attribute number", "inherited", "identity"):
            properties.pop(of_parent, None)
        inside.append(definition(draft, column, properties))
        pairs: Pairs = {key: (None, value) for key, value in properties.items()}
        after += beside(draft, column, pairs)
        for key in pairs:
            draft.gap("column", column, f"its {key} cannot be set")
    return f" ({', '.join(inside)})", after


def _note_order(draft: Draft, name: str, parents: list[str]) -> None:
    """Report columns that cannot be at their places: a child has its parents' columns first."""
    wanted = [split_last(column)[1] for column in draft.columns(draft.target, name)]
    made = _created_order(draft, name, parents)
    if made != wanted:
        places = [{own: place for place, own in enumerate(owns)} for owns in (made, wanted)]
        for own in sorted(moved_columns(*places)):
            draft.gap("column", f"{name}.{own}", "a child has the columns of its parents first")


def _created_order(draft: Draft, name: str, parents: list[str]) -> list[str]:
    """Return the columns of a table in the order that CREATE TABLE gives them, if its parents are created as well."""
    wanted = [split_last(column)[1] for column in draft.columns(draft.target, name)]
    inherited = []
    for parent in parents:
        above = draft.target.get(("table", parent), {}).get("inherits", [])
        if ("table", parent) in draft.live:
            inherited += [split_last(column)[1] for column in draft.columns(draft.target, parent)]
        else:
            inherited += _created_order(draft, parent, above)
    return [own for own in dict.fromkeys([*inherited, *wanted]) if own in wanted]


def _columns(draft: Draft, name: str, partition_of: str | None) -> tuple[str, list[str]]:
    """Return the list for CREATE TABLE, and what has to follow it."""
    inside, after = [], []
    for column in draft.columns(draft.target, name):
        properties = dict(draft.target["column", column])
        properties.pop("position", None)
        properties.pop("attribute number", None)
        if properties.pop("inherited", None):
            inside += named_not_null(draft, column, properties)
            after += inherited(draft, column, properties, partition_of)
            continue
        if partition_of is not None:
            draft.gap("column", column, "it would be attached with columns of its own")
        leave_out_parents_expression(draft, column, properties)
        inside.append(definition(draft, column, properties))
        pairs: Pairs = {key: (None, value) for key, value in properties.items()}
        after += beside(draft, column, pairs)
        for key in pairs:
            draft.gap("column", column, f"its {key} cannot be set")
    return (f" ({', '.join(inside)})" if inside else ""), after


def alter(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter a table in place."""
    target = f"ALTER TABLE {name}"
    for key in ("partition of", "partition bound", "inherits"):
        pairs.pop(key, None)
    made = []
    if "persistence" in pairs:
        made.append(f"{target} SET {'UNLOGGED' if pairs.pop('persistence')[1] else 'LOGGED'}")
    if "access method" in pairs:
        made.append(f"{target} SET ACCESS METHOD {pairs.pop('access method')[1] or 'heap'}")
    if "tablespace" in pairs:
        made.append(f"{target} SET TABLESPACE {pairs.pop('tablespace')[1] or 'pg_default'}")
    if "storage parameters" in pairs:
        made += settings(target, *pairs.pop("storage parameters"))
    for key, (on, off) in _FLAGS.items():
        if key in pairs:
            made.append(f"{target} {on if pairs.pop(key)[1] else off} ROW LEVEL SECURITY")
    if "of type" in pairs:
        after = pairs.pop("of type")[1]
        made.append(f"{target} OF {after}" if after else f"{target} NOT OF")
    return made


def toast_parameters(kind: str, name: str, before: Props | None, after: Props | None) -> list[str]:
    """Return the statements that change the parameters of a TOAST table; without one, PostgreSQL ignores them."""
    return settings(f"ALTER {kind.upper()} {name}", before, after, prefix="toast.")


def replica_identity(name: str, value: str | None) -> str:
    """Return the statement that sets a replica identity; its index has to exist."""
    words = {None: "DEFAULT", "nothing": "NOTHING", "full": "FULL"}
    if value is not None and value.startswith("index "):
        return f"ALTER TABLE {name} REPLICA IDENTITY USING INDEX {value.removeprefix('index ')}"
    return f"ALTER TABLE {name} REPLICA IDENTITY {words[value]}"


WRITER = Writer(8, create, alter, is_rebuilt=table_parents.is_rebuilt)
