"""Foreign tables. Manual, CREATE FOREIGN TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.writers.columns.creation import definition
from wish_rollout.core.remedy.writers.columns.properties import beside
from wish_rollout.core.remedy.writers.foreign_servers import alter_options, option_list

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a foreign table with its columns."""
    inside, after = [], []
    for column in draft.columns(draft.target, name):
        left = dict(draft.target["column", column])
        left.pop("position", None)
        left.pop("attribute number", None)
        inside.append(definition(draft, column, left))
        pairs: Pairs = {key: (None, value) for key, value in left.items()}
        after += beside(draft, column, pairs)
        for key in pairs:
            draft.gap("column", column, f"its {key} cannot be set")
    text = f"CREATE FOREIGN TABLE {name} ({', '.join(inside)}) SERVER {properties.pop('server')}"
    return [text + option_list(draft, "foreign table", name, properties.pop("options", {})), *after]


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change a foreign table's options."""
    return alter_options(draft, "foreign table", name, f"ALTER FOREIGN TABLE {name}", pairs)


WRITER = Writer(8, create, alter, frozenset({"options", "owner", "privileges", "comment"}))
