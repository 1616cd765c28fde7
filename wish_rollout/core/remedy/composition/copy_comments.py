"""Comments of the copies that partitions have of a table's indexes: ALTER COLUMN … TYPE creates these again without them.

PostgreSQL 15 gives them the comment of the parent's index instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.graph.structure import partitions_below
from wish_rollout.core.remedy.sql_syntax import literal
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.steps.detached_parts import copy_name
from wish_rollout.core.remedy.steps.index_attachment import indexed_table
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key


def comments_again(draft: Draft, changes: ChangeSet) -> Iterator[Statement]:
    """Yield the statements that give the copies of indexes on columns with another type their comments."""
    seen: set[Key] = set()
    for key, pairs in sorted(changes.changed.items()):
        if key[0] != "column" or not {"type", "collation"} & pairs.keys():
            continue
        table = split_last(key[1])[0]
        for index in sorted(changes.before.dependents.get(key, set()) & draft.target.keys() - seen):
            if indexed_table(index, draft.target[index]) == table:
                seen.add(index)
                yield from _of_copies(draft, changes, table, index)


def _of_copies(draft: Draft, changes: ChangeSet, table: str, index: Key) -> Iterator[Statement]:
    """Yield the statements for the copies of one index, or of the index of a constraint."""
    schema, own = split_last(table)[0], split_last(index[1])[1]
    is_said = {"comment", "index comment"} & draft.target[index].keys()
    for _, part in partitions_below(changes.after, table):
        name = copy_name(changes.after, part, f"{schema}.{own}")
        if name is None:
            continue
        full_name = f"{split_last(part)[0]}.{name}"
        constraint = draft.target.get(("constraint", f"{part}.{name}"), {})
        text = draft.target.get(("index", full_name), constraint).get(
            "index comment" if constraint else "comment"
        )
        if text or is_said:
            said = literal(text) if text else "NULL"
            yield Statement(f"COMMENT ON INDEX {full_name} IS {said}", "index", full_name)
        if comment := constraint.get("comment"):
            words = f"COMMENT ON CONSTRAINT {name} ON {part} IS {literal(comment)}"
            yield Statement(words, "constraint", f"{part}.{name}")
