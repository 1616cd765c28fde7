"""What a column has that ADD COLUMN has no words for, or that is changed by a statement of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.identity_sequences import aside, own_sequence, predecessor, take_value
from wish_rollout.core.remedy.sql_syntax import literal, options, settings
from wish_rollout.core.remedy.writers import sequences
from wish_rollout.core.remedy.writers.columns import not_nulls
from wish_rollout.core.remedy.writers.privileges import finish
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties

_USUAL_STORAGE = {"numeric": "MAIN", "inet": "MAIN", "cidr": "MAIN"}


def beside(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write what ADD COLUMN has no words for."""
    table, column = split_last(name)
    target = f"ALTER TABLE {table} ALTER COLUMN {column}"
    made: list[str] = []
    if "identity" in pairs:
        made += _identity_change(draft, name, *pairs.pop("identity"))
    if "storage" in pairs:
        after = pairs.pop("storage")[1]
        usual = _USUAL_STORAGE.get(draft.target["column", name]["type"].split("(")[0], "EXTENDED")
        made.append(f"{target} SET STORAGE {after.upper() if after else usual}")
    if "compression" in pairs:
        made.append(f"{target} SET COMPRESSION {pairs.pop('compression')[1] or 'default'}")
    if "statistics target" in pairs:
        after = pairs.pop("statistics target")[1]
        made.append(f"{target} SET STATISTICS {after if after is not None else -1}")
    if "column options" in pairs:
        made += settings(target, *pairs.pop("column options"))
    if "options" in pairs:
        made += options(target.replace("ALTER TABLE", "ALTER FOREIGN TABLE", 1), *pairs.pop("options"))
    return made + not_nulls.beside(draft, name, pairs) + _remarks(draft, name, pairs)


def _remarks(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    made = []
    if "comment" in pairs:
        after = pairs.pop("comment")[1]
        made.append(f"COMMENT ON COLUMN {name} IS {literal(after) if after else 'NULL'}")
    if "privileges" in pairs:
        draft.column_privileges[name] = pairs.pop("privileges")
    return made


def _identity_change(draft: Draft, name: str, before: Any, after: Any) -> list[str]:
    table, column = split_last(name)
    target = f"ALTER TABLE {table} ALTER COLUMN {column}"
    if after is None:
        return [f"{target} DROP IDENTITY"]
    made = []
    named = own_sequence(table, column, after.get("sequence"))
    if "generated" in after and before is None:
        made.append(f"{target} ADD {identity_words(after)}")
        if old_sequence := predecessor(draft, name):
            low, high = sequences.bounds({**after, "type": draft.target["column", name]["type"]})
            made.append(take_value(named, aside(old_sequence), low, high))
            made.append(f"DROP SEQUENCE {aside(old_sequence)}")
    elif before is not None:
        if before["generated"] != after["generated"]:
            made.append(f"{target} SET GENERATED {after['generated'].upper()}")
        old = own_sequence(table, column, before.get("sequence"))
        if old != named:
            made.append(f"ALTER SEQUENCE {old} RENAME TO {split_last(named)[1]}")
        made += sequences.altered(named, before, after)
    if (before or {}).get("persistence") != after.get("persistence"):
        made.append(f"ALTER SEQUENCE {named} SET {'UNLOGGED' if after.get('persistence') else 'LOGGED'}")
    beside_it: Pairs = {
        key: ((before or {}).get(key), after.get(key))
        for key in ("comment", "privileges")
        if (before or {}).get(key) != after.get(key)
    }
    return made + finish(draft, "sequence", named, beside_it)


def identity_words(identity: Properties) -> str:
    """Write GENERATED … AS IDENTITY with the sequence's parameters."""
    inside = sequences.parameters({**identity, "type": None}, {}, new=True)
    if "sequence" in identity:
        inside = f"SEQUENCE NAME {identity['sequence']} {inside}".strip()
    return f"GENERATED {identity['generated'].upper()} AS IDENTITY" + (f" ({inside})" if inside else "")
