"""Operators, operator classes and families, casts, transforms and access methods. Manual, CREATE OPERATOR and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import operator_name, without_arguments

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.remedy.sql_syntax import Props

_CONTEXTS = {None: "", "assignment": " AS ASSIGNMENT", "implicit": " AS IMPLICIT"}
_METHODS = {"without function": "WITHOUT FUNCTION", "with inout": "WITH INOUT"}


def create_operator(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an operator; another one that it names and that does not exist yet is announced by it."""
    own, _, arguments = name.removesuffix(")").rpartition("(")
    left, right = arguments.split(", ")
    words = [f"FUNCTION = {without_arguments(properties.pop('function'))}"]
    words += [f"LEFTARG = {left}"] if left != "NONE" else []
    words += [f"RIGHTARG = {right}"] if right != "NONE" else []
    for key in ("commutator", "negator"):
        if key in properties:
            words.append(f"{key.upper()} = {operator_name(properties.pop(key))}")
    for key in ("restrict", "join"):
        if key in properties:
            words.append(f"{key.upper()} = {without_arguments(properties.pop(key))}")
    words += [key.upper() for key in ("hashes", "merges") if properties.pop(key, None)]
    return [f"CREATE OPERATOR {own} ({', '.join(words)})"]


def create_cast(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a cast."""
    method = properties.pop("method", "")
    function = properties.pop("function", None)
    how = _METHODS.get(method, f"WITH FUNCTION {function}")
    return [f"CREATE CAST {name} {how}{_CONTEXTS[properties.pop('context', None)]}"]


def create_family(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an operator family, with the members that belong to none of its classes."""
    members = _members(properties)
    made = [f"CREATE OPERATOR FAMILY {name}"]
    return made + ([f"ALTER OPERATOR FAMILY {name} ADD {', '.join(members)}"] if members else [])


def _members(properties: Props) -> list[str]:
    operators = [f"OPERATOR {each}" for each in properties.pop("operators", None) or ()]
    return operators + [f"FUNCTION {each}" for each in properties.pop("functions", None) or ()]


def create_class(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an operator class."""
    own, method = name.rsplit(" USING ", 1)
    default = "DEFAULT " if properties.pop("default", None) else ""
    type_name = properties.pop("type")
    members = _members(properties)
    storage = properties.pop("storage", None)
    if storage is not None or not members:
        members.append(f"STORAGE {storage or type_name}")
    family = properties.pop("family")
    text = f"CREATE OPERATOR CLASS {own} {default}FOR TYPE {type_name} USING {method} FAMILY {family}"
    return [f"{text} AS {', '.join(members)}"]


def create_transform(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a transform."""
    words = [
        f"{key} WITH FUNCTION {properties.pop(key)}" for key in ("from SQL", "to SQL") if key in properties
    ]
    return [
        f"CREATE TRANSFORM {name} ({', '.join(words).replace('from SQL', 'FROM SQL').replace('to SQL', 'TO SQL')})"
    ]


def create_access_method(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an access method."""
    handler = without_arguments(properties.pop("handler"))
    return [f"CREATE ACCESS METHOD {name} TYPE {properties.pop('type').upper()} HANDLER {handler}"]


_BESIDE = frozenset({"owner", "comment"})
OPERATOR = Writer(15, create_operator, None, _BESIDE)
CAST = Writer(15, create_cast, None, _BESIDE)
FAMILY = Writer(15, create_family, None, _BESIDE)
CLASS = Writer(16, create_class, None, _BESIDE)
TRANSFORM = Writer(16, create_transform, None, _BESIDE)
ACCESS_METHOD = Writer(2, create_access_method, None, _BESIDE)
