"""What a column has that ADD COLUMN has no words for, or that is changed by a statement of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.identity_sequences import aside, own_sequence, predecessor, take_value
from wish_rollout.core.remedy.sql_syntax import identifier, literal, options, settings
from wish_rollout.core.remedy.writers import sequences
from wish_rollout.core.remedy.writers.privileges import finish
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Properties

NOT_NULLS = ("not null no inherit", "not null not valid", "not null comment", "not null constraint")
_GENERATED = re.compile(r".+_.+_not_null\d*", re.DOTALL)
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
    return made + _not_null(draft, name, pairs) + _remarks(draft, name, pairs)


def _remarks(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    made = []
    if "comment" in pairs:
        after = pairs.pop("comment")[1]
        made.append(f"COMMENT ON COLUMN {name} IS {literal(after) if after else 'NULL'}")
    if "privileges" in pairs:
        draft.column_privileges[name] = pairs.pop("privileges")
    return made


def usual_not_null(table: str, column: str) -> str:
    """Return the name that a column's NOT NULL constraint has by default."""
    return f"{unquote_identifier(split_last(table)[1])}_{unquote_identifier(column)}_not_null"


def chosen_name(name: str | None) -> str | None:
    """Return the name of a NOT NULL constraint, unless PostgreSQL chose it, perhaps for the column's former name."""
    return None if name is None or _GENERATED.fullmatch(name) else name


def _not_null(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write what a NOT NULL constraint has beside being one (18 and later)."""
    if not any(key in pairs for key in NOT_NULLS):
        return []
    table, column = split_last(name)
    new, old = draft.target["column", name], draft.live.get(("column", name), {})
    usual = usual_not_null(table, column)
    if new.get("not null not valid"):
        return _not_valid(table, column, usual, pairs, is_not_null=bool(old.get("not null")))
    made = []
    named = identifier((old if old.get("not null") else {}).get("not null constraint") or usual)
    if not old.get("not null") and "not null constraint" not in pairs:  # it was created with its name
        named = identifier(chosen_name(new.get("not null constraint")) or usual)
    if "not null constraint" in pairs:
        after = identifier(pairs.pop("not null constraint")[1] or usual)
        if new.get("not null"):
            made += _constraint_rename(draft, table, named, after)
        named = after
    if pairs.pop("not null not valid", (None, None))[0]:
        made.append(f"ALTER TABLE {table} VALIDATE CONSTRAINT {named}")
    if "not null no inherit" in pairs:
        after = pairs.pop("not null no inherit")[1]
        made.append(f"ALTER TABLE {table} ALTER CONSTRAINT {named} {'NO ' if after else ''}INHERIT")
    if "not null comment" in pairs:
        after = pairs.pop("not null comment")[1]
        made.append(f"COMMENT ON CONSTRAINT {named} ON {table} IS {literal(after) if after else 'NULL'}")
    return made


def set_not_null(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return the statement that makes a column NOT NULL; one that no child inherits is added as a constraint (18)."""
    table, column = split_last(name)
    new = draft.target["column", name]
    if not new.get("not null no inherit"):
        return f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"
    for written in ("not null no inherit", "not null constraint"):
        pairs.pop(written, None)
    named = identifier(new.get("not null constraint") or usual_not_null(table, column))
    return f"ALTER TABLE {table} ADD CONSTRAINT {named} NOT NULL {column} NO INHERIT"


def _constraint_rename(draft: Draft, table: str, old: str, new: str) -> list[str]:
    """Return the statements that rename a constraint. PostgreSQL 18 refuses RENAME CONSTRAINT for a typed table."""
    rename = f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}"
    of_type = draft.target.get(("table", table), {}).get("of type")
    return (
        [f"ALTER TABLE {table} NOT OF", rename, f"ALTER TABLE {table} OF {of_type}"] if of_type else [rename]
    )


def _not_valid(table: str, column: str, usual: str, pairs: Pairs, *, is_not_null: bool) -> list[str]:
    """Write a NOT NULL constraint that existing rows need not satisfy."""
    pairs.pop("not null", None)
    pairs.pop("not null not valid", None)
    named = identifier(pairs.pop("not null constraint", (None, None))[1] or usual)
    first = [f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"] if is_not_null else []
    return [*first, f"ALTER TABLE {table} ADD CONSTRAINT {named} NOT NULL {column} NOT VALID"]


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
