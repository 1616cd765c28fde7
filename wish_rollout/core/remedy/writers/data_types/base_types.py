"""Base types: a shell type, then its functions, then its definition. Only superusers define one. Manual, CREATE TYPE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.graph.parts import DEFINITION
from wish_rollout.core.remedy.sql_syntax import literal

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

BESIDE = frozenset({"owner", "comment", "privileges"})
_FUNCTIONS = {
    "input": "INPUT",
    "output": "OUTPUT",
    "receive": "RECEIVE",
    "send": "SEND",
    "modifier input": "TYPMOD_IN",
    "modifier output": "TYPMOD_OUT",
    "analyze": "ANALYZE",
    "subscript": "SUBSCRIPT",
}
_FLAGS = {"by value": "PASSEDBYVALUE", "preferred": "PREFERRED = true", "collatable": "COLLATABLE = true"}
_TEXTS = {"category": "CATEGORY", "default": "DEFAULT", "delimiter": "DELIMITER"}
_ALIGNMENTS = {"c": "char", "s": "int2", "d": "double"}
_STORAGES = {"e": "external", "m": "main", "x": "extended"}
_SET = frozenset(_FUNCTIONS) - {"input", "output"}
"""Functions that ALTER TYPE … SET changes."""


def create_shell(_draft: Draft, name: str, _properties: Props) -> list[str]:
    """Return the statement that creates a shell type, which its functions need."""
    return [f"CREATE TYPE {name}"]


def define(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Return the statement that defines a shell type."""
    words = [
        f"{word} = {_function(properties.pop(key))}" for key, word in _FUNCTIONS.items() if key in properties
    ]
    if "internal length" in properties:
        words.append(f"INTERNALLENGTH = {properties.pop('internal length')}")
    words += [word for key, word in _FLAGS.items() if properties.pop(key, None)]
    words += [f"{word} = {literal(properties.pop(key))}" for key, word in _TEXTS.items() if key in properties]
    if "alignment" in properties:
        words.append(f"ALIGNMENT = {_ALIGNMENTS[properties.pop('alignment')]}")
    if "storage" in properties:
        words.append(f"STORAGE = {_STORAGES[properties.pop('storage')]}")
    if "element" in properties:
        words.append(f"ELEMENT = {properties.pop('element')}")
    return [f"CREATE TYPE {name} ({', '.join(words)})"]


def alter(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Return the statement that sets what ALTER TYPE … SET can change."""
    words = []
    for key in sorted(_SET & pairs.keys()):
        after = pairs.pop(key)[1]
        words.append(f"{_FUNCTIONS[key]} = {_function(after) if after else 'NONE'}")
    if "storage" in pairs and pairs["storage"][1] is not None:  # no statement sets it to plain
        words.append(f"STORAGE = {_STORAGES[pairs.pop('storage')[1]]}")
    return [f"ALTER TYPE {name} SET ({', '.join(words)})"] if words else []


def _function(signature: str) -> str:
    return signature[: signature.rindex("(")]


def reason_kept(draft: Draft, key: tuple[str, str]) -> str:
    """Return why a definition cannot be dropped; empty where it is dropped with its type."""
    if key[0] == DEFINITION and key not in draft.target and ("base type", key[1]) in draft.target:
        return "no statement makes a shell type of a defined one"
    return ""


SHELL = Writer(2, create_shell, None, BESIDE, rebuilds=False)
DEFINED = Writer(2, define, alter, rebuilds=False)
