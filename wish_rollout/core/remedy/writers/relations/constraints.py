"""Constraints of tables and domains. Manual, CREATE TABLE, ALTER TABLE, ALTER DOMAIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import given, settings
from wish_rollout.core.remedy.writers.relations.foreign_key_triggers import UNKNOWN_TRIGGERS, enable_triggers
from wish_rollout.core.remedy.writers.relations.index_states import clustering, is_half_made
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

DEFERRED = ("deferrable", "initially deferred")
_OWN = ("storage parameters", "clustered")
"""What a copy of a parent's constraint can have by itself, beside comments and the state of its triggers."""
ALTERS = frozenset({"attached to", "storage parameters", "clustered", "comment", "index comment", "triggers"})


def definition(properties: Props) -> str:
    """Write what follows the constraint's name; take out what is written."""
    kind = properties.pop("type")
    if kind == "check":
        text = f"CHECK ({properties.pop('expression')})"
    elif kind == "foreign key":
        text = _foreign_key(properties)
    elif kind == "exclusion":
        text = _exclusion(properties)
    else:
        text = _unique(kind, properties)
    if kind not in {"check", "foreign key"}:
        text += _behind(properties)
    for key, words in (
        ("no inherit", "NO INHERIT"),
        ("deferrable", "DEFERRABLE"),
        ("initially deferred", "INITIALLY DEFERRED"),
        ("not valid", "NOT VALID"),
        ("not enforced", "NOT ENFORCED"),
    ):
        if properties.pop(key, None):
            text += f" {words}"
    return text


def _columns(names: list[str], last: str) -> str:
    return ", ".join([*names[:-1], f"{last}{names[-1]}"])


def _foreign_key(properties: Props) -> str:
    period = "PERIOD " if properties.pop("period", None) else ""
    text = f"FOREIGN KEY ({_columns(properties.pop('columns'), period)}) "
    there = properties.pop("references"), _columns(properties.pop("referenced columns"), period)
    text += f"REFERENCES {there[0]} ({there[1]})"
    if "match" in properties:
        text += f" MATCH {properties.pop('match').upper()}"
    if "on update" in properties:
        text += f" ON UPDATE {properties.pop('on update').upper()}"
    if "on delete" in properties:
        text += f" ON DELETE {properties.pop('on delete').upper()}"
    if "on delete columns" in properties:
        text += f" ({', '.join(properties.pop('on delete columns'))})"
    return text


def _unique(kind: str, properties: Props) -> str:
    text = kind.upper()
    if properties.pop("nulls not distinct", None):
        text += " NULLS NOT DISTINCT"
    names = properties.pop("columns")
    if properties.pop("period", None):
        for key in ("method", "keys", "operators"):  # they follow from WITHOUT OVERLAPS
            properties.pop(key, None)
        return f"{text} ({', '.join(names)} WITHOUT OVERLAPS)"
    return f"{text} ({', '.join(names)})"


def _exclusion(properties: Props) -> str:
    names = properties.pop("columns", [])
    keys = properties.pop("keys", names)
    operators = [_operator(text) for text in properties.pop("operators")]
    method = properties.pop("method", "btree")
    pairs = ", ".join(f"{key} WITH {sign}" for key, sign in zip(keys, operators, strict=True))
    return f"EXCLUDE USING {method} ({pairs})"


def _operator(text: str) -> str:
    """Write an operator by its name: ``public.&&(a,b)`` needs OPERATOR(), one of the server's does not."""
    name = text[: text.rindex("(")]
    return f"OPERATOR({name})" if "." in name else name


def _behind(properties: Props) -> str:
    """Write what belongs to the index behind a constraint."""
    text = ""
    if "include" in properties:
        text += f" INCLUDE ({', '.join(properties.pop('include'))})"
    if "storage parameters" in properties:
        text += f" WITH ({given(properties.pop('storage parameters'))})"
    if "tablespace" in properties:
        text += f" USING INDEX TABLESPACE {properties.pop('tablespace')}"
    if "predicate" in properties:
        text += f" WHERE ({properties.pop('predicate')})"
    return text


def create(draft: Draft, name: str, properties: Props) -> list[str]:
    """Add a constraint; the rows that are there are checked, unless it says NOT VALID."""
    whole, own = split_last(name)
    word = "DOMAIN" if ("domain", whole) in draft.target else "TABLE"
    only = "ONLY " if properties.pop("invalid", None) else ""
    properties.pop("attached to", None)  # by the parent's index, which is created afterwards
    if properties.pop("copy", None):
        return _as_copy(draft, name, properties)
    if properties.pop("triggers", None):
        draft.gap("constraint", name, UNKNOWN_TRIGGERS)
    if is_half_made(draft, whole, properties, invalid=bool(only)):
        draft.gap("constraint", name, "it is promised half-made")
    made = [f"ALTER {word} {only}{whole} ADD CONSTRAINT {own} {definition(properties)}"]
    if properties.pop("clustered", None):
        made.append(f"ALTER TABLE {whole} CLUSTER ON {own}")
    return made


def _as_copy(draft: Draft, name: str, properties: Props) -> list[str]:
    """Give a copy of a parent's constraint what it has by itself; the copy is there already."""
    if "triggers" in properties:
        draft.gap("constraint", name, UNKNOWN_TRIGGERS)
    pairs: Pairs = {key: (None, properties[key]) for key in _OWN if key in properties}
    properties.clear()
    return alter(draft, name, pairs)


def drop_copy(draft: Draft, name: str) -> list[str]:
    """Make a constraint its parent's mere copy again."""
    whole, own = split_last(name)
    live = draft.live["constraint", name]
    made = [enable_triggers(name)] if "triggers" in live else []
    made += alter(draft, name, {key: (live[key], None) for key in _OWN if key in live})
    if "index comment" in live:
        made.append(f"COMMENT ON INDEX {split_last(whole)[0]}.{own} IS NULL")
    return made + ([f"COMMENT ON CONSTRAINT {own} ON {whole} IS NULL"] if "comment" in live else [])


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Alter a constraint where a statement can."""
    whole, own = split_last(name)
    is_domain = ("domain", whole) in draft.target
    target = f"ALTER {'DOMAIN' if is_domain else 'TABLE'} {whole}"
    made = []
    pairs.pop("attached to", None)
    if pairs.pop("not valid", None):
        made.append(f"{target} VALIDATE CONSTRAINT {own}")
    if any(key in pairs for key in DEFERRED):
        new = draft.target["constraint", name]
        for key in DEFERRED:
            pairs.pop(key, None)
        words = f"{'' if new.get('deferrable') else 'NOT '}DEFERRABLE"
        words += " INITIALLY DEFERRED" if new.get("initially deferred") else " INITIALLY IMMEDIATE"
        made.append(f"{target} ALTER CONSTRAINT {own} {words}")
    if "triggers" in pairs:
        if pairs.pop("triggers")[1] is None:
            made.append(enable_triggers(name))
        else:
            draft.gap("constraint", name, UNKNOWN_TRIGGERS)
    if "storage parameters" in pairs:
        index = f"{split_last(whole)[0]}.{own}"
        made += settings(f"ALTER INDEX {index}", *pairs.pop("storage parameters"))
    if "clustered" in pairs:
        after = pairs.pop("clustered")[1]
        made += clustering(draft, whole, own if after else None)
    return made


def is_rebuilt(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Return whether a change needs the constraint dropped and added."""
    left = set(pairs) - ALTERS
    if pairs.get("not valid", (None, True))[1] is None:
        left.discard("not valid")
    if draft.target["constraint", name]["type"] == "foreign key":
        left -= set(DEFERRED)
    return bool(left)


def reason(draft: Draft, name: str) -> str:
    """Return why a constraint cannot be created."""
    keys = draft.target["constraint", name].get("keys", ())
    return NO_CLASS_NAME if any(" default operator class " in key for key in keys) else ""


NO_CLASS_NAME = "the parameters of a default operator class need its name, which no snapshot has"
WRITER = Writer(10, create, alter, early=True, is_rebuilt=is_rebuilt, reason=reason)
