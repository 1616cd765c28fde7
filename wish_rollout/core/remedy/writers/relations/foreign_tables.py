"""Foreign tables. Manual, CREATE FOREIGN TABLE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.writers.columns.creation import definition
from wish_rollout.core.remedy.writers.columns.properties import beside
from wish_rollout.core.remedy.writers.foreign_servers import alter_options, option_list
from wish_rollout.core.remedy.writers.relations.child_columns import inherited

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a foreign table with its columns; a partition and a child take theirs from the parents."""
    inside, after = [], []
    parents, partition_of = properties.pop("inherits", []), properties.pop("partition of", None)
    bound = properties.pop("partition bound", None)
    for column in draft.columns(draft.target, name):
        left = dict(draft.target["column", column])
        left.pop("position", None)
        left.pop("attribute number", None)
        if left.pop("inherited", None):
            after += inherited(draft, column, left, partition_of)
            continue
        if partition_of:
            draft.gap("column", column, "it would be attached with columns of its own")
        inside.append(definition(draft, column, left))
        pairs: Pairs = {key: (None, value) for key, value in left.items()}
        after += beside(draft, column, pairs)
        for key in pairs:
            draft.gap("column", column, f"its {key} cannot be set")
    text = f"CREATE FOREIGN TABLE {name}"
    text += f" PARTITION OF {partition_of} {bound}" if partition_of else f" ({', '.join(inside)})"
    text += f" INHERITS ({', '.join(parents)})" if parents else ""
    text += f" SERVER {properties.pop('server')}"
    return [text + option_list(draft, "foreign table", name, properties.pop("options", {})), *after]


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change a foreign table's options."""
    return alter_options(draft, "foreign table", name, f"ALTER FOREIGN TABLE {name}", pairs)


WRITER = Writer(8, create, alter, frozenset({"options", "owner", "privileges", "comment"}))
