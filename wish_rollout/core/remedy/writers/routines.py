"""Functions, procedures and aggregates. Manual, CREATE FUNCTION, CREATE AGGREGATE."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.graph.schema_index import plain_name
from wish_rollout.core.remedy.sql_syntax import dollar, identifier, literal

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

_LISTS = {
    "search_path",
    "temp_tablespaces",
    "session_preload_libraries",
    "shared_preload_libraries",
    "local_preload_libraries",
    "unix_socket_directories",
}
"""Settings whose value is a list that the catalog keeps quoted already."""
ALTERS = frozenset(
    [
        *(
            "body",
            "SQL body",
            "object file",
            "language",
            "volatility",
            "strict",
            "leakproof",
            "security definer",
        ),
        *("parallel", "cost", "rows", "support", "transforms", "settings", "window"),
        *("comment", "owner", "privileges", "depends on extensions"),
    ]
)
_AGGREGATE = {
    "transition function": "SFUNC",
    "state type": "STYPE",
    "state size": "SSPACE",
    "final function": "FINALFUNC",
    "final function modify": "FINALFUNC_MODIFY",
    "combine function": "COMBINEFUNC",
    "serial function": "SERIALFUNC",
    "deserial function": "DESERIALFUNC",
    "initial state": "INITCOND",
    "moving transition function": "MSFUNC",
    "moving inverse function": "MINVFUNC",
    "moving state type": "MSTYPE",
    "moving state size": "MSSPACE",
    "moving final function": "MFINALFUNC",
    "moving final function modify": "MFINALFUNC_MODIFY",
    "moving initial state": "MINITCOND",
    "sort operator": "SORTOP",
    "parallel": "PARALLEL",
}
_MODIFY = {"r": "READ_ONLY", "s": "SHAREABLE", "w": "READ_WRITE"}


def _create(kind: str, name: str, properties: Props) -> list[str]:
    text = f"CREATE OR REPLACE {kind} {plain_name('function', name)}({properties.pop('arguments', '')})"
    if "returns" in properties:
        text += f" RETURNS {properties.pop('returns')}"
    language = properties.pop("language")
    text += f" LANGUAGE {language}{_attributes(properties)}"
    sql_body, body = properties.pop("SQL body", None), properties.pop("body", None)
    file = properties.pop("object file", None)
    if sql_body is not None:
        return [f"{text} {sql_body}"]
    source = f"{literal(file)}, {literal(body)}" if file is not None else dollar(body or "")
    return [f"{text} AS {source}"]


def _attributes(properties: Props) -> str:
    words = []
    if "transforms" in properties:
        words.append("TRANSFORM " + ", ".join(f"FOR TYPE {each}" for each in properties.pop("transforms")))
    for key, text in (
        ("window", "WINDOW"),
        ("strict", "STRICT"),
        ("leakproof", "LEAKPROOF"),
        ("security definer", "SECURITY DEFINER"),
    ):
        if properties.pop(key, None):
            words.append(text)
    if "volatility" in properties:
        words.append(properties.pop("volatility").upper())
    for key in ("parallel", "cost", "rows", "support"):
        if key in properties:
            value = properties.pop(key)
            value = f"{value:g}" if isinstance(value, float) else str(value)
            value = value[: value.rindex("(")] if key == "support" else value
            words.append(f"{key.upper()} {value.upper() if key == 'parallel' else value}")
    words += [_setting(key, value) for key, value in properties.pop("settings", {}).items()]
    return "".join(f" {each}" for each in words)


def _setting(name: str, value: str) -> str:
    shown = name if name.replace("_", "").replace(".", "").isalnum() and name.islower() else identifier(name)
    if name not in _LISTS or not value:
        return f"SET {shown} TO {literal(value)}"
    return f"SET {shown} TO {_LIST_ITEM.sub(_list_item, value)}"


_LIST_ITEM = re.compile(r'"(?:[^"]|"")*"')


def _list_item(match: re.Match[str]) -> str:
    """Return an item of a list as a text, as pg_dump writes it: an identifier is not empty, and not longer than 63 bytes."""
    return literal(match[0][1:-1].replace('""', '"'))


def create_function(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a function, or put another in its place."""
    return _create("FUNCTION", name, properties)


def create_procedure(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a procedure, or put another in its place."""
    return _create("PROCEDURE", name, properties)


def _alter(kind: str) -> object:
    def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
        """Put the wanted one in its place; owner and privileges stay as they are."""
        if not set(pairs) - {"comment", "owner", "privileges", "depends on extensions"}:
            return []
        properties = {**draft.target[kind.lower(), name]}
        for key in ("comment", "owner", "privileges", "depends on extensions"):
            properties.pop(key, None)
        for key in list(pairs):
            if key not in properties and key not in {
                "comment",
                "owner",
                "privileges",
                "depends on extensions",
            }:
                pairs.pop(key)
        wanted = set(properties)
        made = _create(kind, name, properties)
        for key in wanted - set(properties):
            pairs.pop(key, None)
        return made

    return alter


def create_aggregate(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an aggregate."""
    arguments = properties.pop("arguments", "*")
    properties.pop("returns", None)
    hypothetical = properties.pop("variety", None) == "hypothetical set"
    words = []
    for key, word in _AGGREGATE.items():
        if key in properties:
            value = str(properties.pop(key))
            words.append(f"{word} = {_aggregate_value(key, value)}")
    for key, word in (
        ("final function extra", "FINALFUNC_EXTRA"),
        ("moving final function extra", "MFINALFUNC_EXTRA"),
    ):
        if properties.pop(key, None):
            words.append(word)
    if hypothetical:
        words.append("HYPOTHETICAL")
    made = [f"CREATE AGGREGATE {plain_name('aggregate', name)}({arguments}) ({', '.join(words)})"]
    for key in ("strict", "leakproof", "security definer", "volatility", "cost", "settings"):
        if key in properties:
            draft.gap("aggregate", name, f"no statement sets an aggregate's {key}")
            del properties[key]
    return made


def _aggregate_value(key: str, value: str) -> str:
    if key.endswith("modify"):
        return _MODIFY[value]
    if key.endswith("initial state"):
        return literal(value)
    if key == "sort operator":
        operator = value[: value.rindex("(")]
        return f"OPERATOR({operator})" if "." in operator else operator
    if key.endswith("function"):
        return value[: value.rindex("(")]
    return value.upper() if key == "parallel" else value


FUNCTION = Writer(15, create_function, _alter("FUNCTION"), ALTERS)  # type: ignore[arg-type]
PROCEDURE = Writer(15, create_procedure, _alter("PROCEDURE"), ALTERS)  # type: ignore[arg-type]
AGGREGATE = Writer(15, create_aggregate, None, frozenset({"comment", "owner", "privileges"}))
