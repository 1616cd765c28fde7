"""Domains, composite types and ranges; enums have a file of their own. Manual, CREATE TYPE, CREATE DOMAIN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.attribute_renames import renamed_attributes, with_new_names
from wish_rollout.core.remedy.data_loss import columns_holding
from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.row_types import other_types
from wish_rollout.core.remedy.sql_syntax import identifier, literal
from wish_rollout.core.remedy.writers.data_types.row_type_limits import is_of_table
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

BESIDE = frozenset({"owner", "comment", "privileges"})
_NOT_NULLS = ("not null constraint", "not null comment")


def create_domain(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a domain; its constraints come by themselves."""
    text = f"CREATE DOMAIN {name} AS {properties.pop('type')}"
    if "collation" in properties:
        text += f" COLLATE {properties.pop('collation')}"
    if ("default", name) in draft.inlined:
        text += f" DEFAULT {draft.default(name)}"
    made = [text + (" NOT NULL" if properties.pop("not null", None) else "")]
    pairs: Pairs = {key: (None, properties.pop(key)) for key in _NOT_NULLS if key in properties}
    return made + _domain_not_null(draft, name, pairs)


def alter_domain(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Set a domain's default, and whether it may be null."""
    made = []
    if "not null" in pairs:
        made.append(f"ALTER DOMAIN {name} {'SET' if pairs.pop('not null')[1] else 'DROP'} NOT NULL")
    return made + _domain_not_null(draft, name, pairs)


def _domain_not_null(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Write the name of a domain's NOT NULL constraint, and what is said of it (17 and later)."""
    usual = f"{unquote_identifier(split_last(name)[1])}_not_null"
    old, new = (each.get(("domain", name), {}) for each in (draft.live, draft.target))
    made = []
    named = identifier((old if old.get("not null") else {}).get("not null constraint") or usual)
    if "not null constraint" in pairs:
        after = identifier(pairs.pop("not null constraint")[1] or usual)
        if new.get("not null"):
            made.append(f"ALTER DOMAIN {name} RENAME CONSTRAINT {named} TO {after}")
        named = after
    if "not null comment" in pairs:
        after = pairs.pop("not null comment")[1]
        if new.get("not null"):
            said = literal(after) if after else "NULL"
            made.append(f"COMMENT ON CONSTRAINT {named} ON DOMAIN {name} IS {said}")
    return made


def create_composite(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a composite type."""
    attributes = properties.pop("attributes", None) or []
    made = [f"CREATE TYPE {name} AS ({', '.join(_attribute(each) for each in attributes)})"]
    return made + [_remark(name, each) for each in attributes if "comment" in each]


def _attribute(attribute: dict[str, Any]) -> str:
    collation = f" COLLATE {attribute['collation']}" if "collation" in attribute else ""
    return f"{attribute['name']} {attribute['type']}{collation}"


def _remark(name: str, attribute: dict[str, Any]) -> str:
    text = attribute.get("comment")
    return f"COMMENT ON COLUMN {name}.{attribute['name']} IS {literal(text) if text else 'NULL'}"


def alter_composite(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Add, drop and alter attributes; a new one is the last."""
    if "attributes" not in pairs:
        return []
    before, after = (pair or [] for pair in pairs.pop("attributes"))
    cascade = " CASCADE" if _is_of_table(draft, name) else ""
    renames = [
        f"ALTER TYPE {name} RENAME ATTRIBUTE {own} TO {new_name}{cascade}"
        for own, new_name in renamed_attributes(before, after).items()
    ]
    before = with_new_names(before, after)
    old = {each["name"]: each for each in before}
    new = {each["name"]: each for each in after}
    steps = [f"DROP ATTRIBUTE {each}" for each in old if each not in new]
    made = []
    for own, attribute in new.items():
        if own not in old:
            steps.append(f"ADD ATTRIBUTE {_attribute(attribute)}")
        elif _attribute(old[own]) != _attribute(attribute):
            collation = f" COLLATE {attribute['collation']}" if "collation" in attribute else ""
            steps.append(f"ALTER ATTRIBUTE {own} TYPE {attribute['type']}{collation}")
        if attribute.get("comment") != old.get(own, {}).get("comment"):
            made.append(_remark(name, attribute))
    order = [each for each in old if each in new] + [each for each in new if each not in old]
    if order != list(new):
        draft.gap("composite type", name, "the order of its attributes cannot be changed afterwards")
    steps = [f"{step}{cascade}" for step in steps]
    return renames + ([f"ALTER TYPE {name} {', '.join(steps)}"] if steps else []) + made


def create_range(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a range type and its multirange."""
    words = {
        "subtype": "SUBTYPE",
        "operator class": "SUBTYPE_OPCLASS",
        "collation": "COLLATION",
        "canonical": "CANONICAL",
        "subtype difference": "SUBTYPE_DIFF",
        "multirange": "MULTIRANGE_TYPE_NAME",
    }
    inside = []
    for key, word in words.items():
        if key in properties:
            value = str(properties.pop(key))
            if key in {"canonical", "subtype difference"}:
                value = value[: value.rindex("(")]
            inside.append(f"{word} = {value}")
    return [f"CREATE TYPE {name} AS RANGE ({', '.join(inside)})"]


DOMAIN = Writer(5, create_domain, alter_domain, frozenset({"not null", *_NOT_NULLS, *BESIDE}))


def _is_of_table(draft: Draft, name: str) -> bool:
    return any(properties.get("of type") == name for properties in draft.live.values())


def composite_is_rebuilt(draft: Draft, name: str, pairs: Pairs) -> bool:
    """Return whether a new type is needed: for the order of attributes, or for the type of one that columns have."""
    if "attributes" not in pairs or is_of_table(draft, name):
        return False
    attributes, wanted = (pair or [] for pair in pairs["attributes"])
    attributes = with_new_names(attributes, wanted)
    if next(columns_holding(draft.live, name), None) is not None and other_types(attributes, wanted):
        return True
    before, after = ([each["name"] for each in pair] for pair in (attributes, wanted))
    return [
        *(each for each in before if each in after),
        *(each for each in after if each not in before),
    ] != after


COMPOSITE = Writer(4, create_composite, alter_composite, is_rebuilt=composite_is_rebuilt)
RANGE = Writer(4, create_range, None, BESIDE)
