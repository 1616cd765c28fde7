"""Foreign tables; the servers behind them are not covered, since their options may be secret. Manual, CREATE FOREIGN TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import identifier, literal, options
from wish_rollout.core.remedy.writers import columns
from wish_rollout.core.remedy.writers.column_properties import beside

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties, Props

HIDDEN = "(hidden)"


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Make a foreign table with its columns."""
    inside, after = [], []
    for column in draft.columns(draft.target, name):
        left = dict(draft.target["column", column])
        left.pop("position", None)
        left.pop("attribute number", None)
        inside.append(columns.definition(column, left))
        pairs: Pairs = {key: (None, value) for key, value in left.items()}
        after += beside(draft, column, pairs)
        for key in pairs:
            draft.gap("column", column, f"its {key} cannot be set")
    given = properties.pop("options", {})
    _note_hidden(draft, name, given)
    text = f"CREATE FOREIGN TABLE {name} ({', '.join(inside)}) SERVER {properties.pop('server')}"
    words = ", ".join(f"{identifier(key)} {literal(value)}" for key, value in given.items())
    return [text + (f" OPTIONS ({words})" if words else ""), *after]


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change a foreign table's options."""
    before, after = pairs.pop("options", (None, None))
    _note_hidden(draft, name, after or {})
    return options(f"ALTER FOREIGN TABLE {name}", before, after)


def _note_hidden(draft: Draft, name: str, given: Properties) -> None:
    for key, value in given.items():
        if value == HIDDEN:
            draft.gap("foreign table", name, f"its option {key} is kept out of every snapshot")


WRITER = Writer(8, create, alter, rebuilds=False)
