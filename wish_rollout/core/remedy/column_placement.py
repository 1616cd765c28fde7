"""The order of columns: an added one comes last, and none is ever moved. Manual, ALTER TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.writers.columns import made_anew
from wish_rollout.core.schema.column_order import moved_columns
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.snapshot import Key

WHY = "it would stand at another place among the columns, and no statement moves a column"


def note_places(draft: Draft, changed: dict[Key, Pairs], added: set[Key], removed: set[Key]) -> None:
    """Note as gaps the columns that end up at another place than they have to be."""
    touched = {split_last(name)[0] for kind, name in added | removed if kind == "column"}
    touched |= {split_last(name)[0] for (kind, name), pairs in changed.items() if kind == "column" and pairs}
    for table in sorted(touched):
        if any(
            (kind, table) in draft.live and (kind, table) in draft.target
            for kind in ("table", "foreign table")
        ):
            _note(draft, table, changed)


def _note(draft: Draft, table: str, changed: dict[Key, Pairs]) -> None:
    wanted = draft.columns(draft.target, table)
    there = [name for name in draft.columns(draft.live, table) if ("column", name) in draft.target]
    again = {
        name
        for name in there
        if made_anew(draft, changed.get(("column", name), {}), draft.live["column", name])
    }
    staying = [name for name in there if name not in again]
    final = staying + [name for name in wanted if name not in staying]
    if final != wanted:
        for name in sorted(
            moved_columns(*({name: place for place, name in enumerate(names)} for names in (final, wanted)))
        ):
            draft.gap("column", name, WHY)
