"""Text search objects, collations, conversions and languages. Manual, CREATE TEXT SEARCH CONFIGURATION and others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import literal, without_arguments

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

_PARSER = {
    "start": "START",
    "get token": "GETTOKEN",
    "end": "END",
    "token types": "LEXTYPES",
    "headline": "HEADLINE",
}
_TEMPLATE = {"init": "INIT", "lexize": "LEXIZE"}


def _functions(properties: Props, words: dict[str, str]) -> str:
    return ", ".join(
        f"{word} = {without_arguments(properties.pop(key))}"
        for key, word in words.items()
        if key in properties
    )


def create_parser(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a text search parser."""
    return [f"CREATE TEXT SEARCH PARSER {name} ({_functions(properties, _PARSER)})"]


def create_template(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a text search template."""
    return [f"CREATE TEXT SEARCH TEMPLATE {name} ({_functions(properties, _TEMPLATE)})"]


def create_dictionary(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a text search dictionary."""
    inside = f"TEMPLATE = {properties.pop('template')}"
    if initialization := properties.pop("initialization", None):
        inside += f", {initialization}"
    return [f"CREATE TEXT SEARCH DICTIONARY {name} ({inside})"]


def create_configuration(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a text search configuration with its mappings."""
    made = [f"CREATE TEXT SEARCH CONFIGURATION {name} (PARSER = {properties.pop('parser')})"]
    return made + alter_configuration(draft, name, {"mappings": (None, properties.pop("mappings", None))})


def alter_configuration(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change which dictionaries a configuration uses."""
    if "mappings" not in pairs:
        return []
    before, after = (pair or {} for pair in pairs.pop("mappings"))
    target = f"ALTER TEXT SEARCH CONFIGURATION {name}"
    made = [f"{target} DROP MAPPING FOR {token}" for token in before if token not in after]
    for token, dictionaries in after.items():
        if before.get(token) != dictionaries:
            word = "ALTER" if token in before else "ADD"
            made.append(f"{target} {word} MAPPING FOR {token} WITH {', '.join(dictionaries)}")
    return made


def create_collation(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a collation."""
    words = [f"PROVIDER = {properties.pop('provider')}"]
    words += [
        f"{key.upper()} = {literal(properties.pop(key))}"
        for key in ("locale", "lc_collate", "lc_ctype", "rules")
        if key in properties
    ]
    words += ["DETERMINISTIC = false"] if properties.pop("nondeterministic", None) else []
    return [f"CREATE COLLATION {name} ({', '.join(words)})"]


def create_conversion(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a conversion between encodings."""
    default = "DEFAULT " if properties.pop("default", None) else ""
    between = f"FOR {literal(properties.pop('from'))} TO {literal(properties.pop('to'))}"
    function = without_arguments(properties.pop("function"))
    return [f"CREATE {default}CONVERSION {name} {between} FROM {function}"]


def create_language(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a language; of one that comes with the server a snapshot has the privileges alone."""
    if "handler" not in properties:
        return []
    trusted = "TRUSTED " if properties.pop("trusted", None) else ""
    text = f"CREATE {trusted}LANGUAGE {name}"
    for key in ("handler", "inline", "validator"):
        if key in properties:
            text += f" {key.upper()} {without_arguments(properties.pop(key))}"
    return [text]


_BESIDE = frozenset({"owner", "comment", "privileges"})
PARSER = Writer(4, create_parser, None, _BESIDE)
TEMPLATE = Writer(4, create_template, None, _BESIDE)
DICTIONARY = Writer(5, create_dictionary, None, _BESIDE)
CONFIGURATION = Writer(6, create_configuration, alter_configuration, frozenset({"mappings", *_BESIDE}))
COLLATION = Writer(2, create_collation, None, _BESIDE)
CONVERSION = Writer(15, create_conversion, None, _BESIDE)
LANGUAGE = Writer(3, create_language, None, _BESIDE)
