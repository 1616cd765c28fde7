"""Tokens of SQL statements: enough to see what an ALTER TABLE does, with quoted text kept apart.

This is not a parser. The effect of a statement is read from the catalog. Only what the catalog does not record
is read from tokens: CONCURRENTLY, NOT VALID, the transaction of a statement. Source: PostgreSQL manual, 4.1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from wish_rollout.core.text.token_pattern import find_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

STRING_CONSTANT = "'…'"
"""The token of every string constant: the value of a constant is never kept."""

Tokens = tuple[str, ...]
NameParts = tuple[str, ...]  # the parts of an object's name, without quotes

LONG = 2_000
"""The tokens of a text of so many characters are not kept."""
BLOCK_KEYWORDS = ("begin", "then", "else", "loop")
"""PL/pgSQL keywords after which a statement can begin (manual, 41.2 and 41.6)."""
STATEMENT_KEYWORDS = {"alter", "create", "delete", "drop", "insert", "lock", "refresh", "reindex"}
STATEMENT_KEYWORDS |= {"truncate", "update", "with"}


def tokenize_statements(text: str) -> list[Tokens]:
    """Return the tokens of each statement in a text, with keywords and unquoted names in lower case.

    The statements in the body of a DO block follow the DO statement itself. Statements that the block passes
    to EXECUTE are not found.
    """
    return list(_tokenize(text) if len(text) < LONG else _tokenize.__wrapped__(text))


@lru_cache(maxsize=2048)
def _tokenize(text: str) -> tuple[Tokens, ...]:
    """Return the tokens of each statement. A plan reads the statements of its release several times, one after the other."""
    found: list[Tokens] = []
    in_blocks: list[Tokens] = []
    for matches in _split_matches(text):
        tokens = tuple(map(_token, matches))
        found.append(tokens)
        if tokens[0] == "do":
            bodies = (match["body"] for match in matches if match["dollar"])
            in_blocks += (_block_statement(part) for body in bodies for part in tokenize_statements(body))
    return (*found, *(tokens for tokens in in_blocks if tokens))


def split_statements(text: str) -> list[str]:
    """Return the text of each statement in a text."""
    return list(_split(text) if len(text) < LONG else _split.__wrapped__(text))


@lru_cache(maxsize=64)
def _split(text: str) -> tuple[str, ...]:
    return tuple(text[matches[0].start() : matches[-1].end()] for matches in _split_matches(text))


def _split_matches(text: str) -> Iterator[list[re.Match[str]]]:
    """Split a text at the semicolons between statements, but not inside the body of a BEGIN ATOMIC … END."""
    found: list[re.Match[str]] = []
    depth, previous = 0, ""
    for match in find_tokens(text):
        if match["space"]:
            continue
        word = match[0].lower()
        depth += (word == "atomic" and previous == "begin") or (depth > 0 and word == "case")
        depth -= depth > 0 and word == "end"
        previous = word
        if word != ";" or depth:
            found.append(match)
        elif found:
            yield found
            found = []
    if found:
        yield found


def _token(match: re.Match[str]) -> str:
    if match["dollar"] or match["escape"] or match["string"]:
        return STRING_CONSTANT
    return match[0] if match["quoted"] else match[0].lower()


def _block_statement(tokens: Tokens) -> Tokens:
    """Return the SQL statement at the end of the tokens between two semicolons of a block, or ()."""
    while tokens and tokens[0] not in STATEMENT_KEYWORDS:
        after = (index + 1 for index, word in enumerate(tokens) if word in BLOCK_KEYWORDS)
        tokens = tokens[next(after, len(tokens)) :]
    return tokens


def without_parentheses(tokens: Tokens) -> Tokens:
    """Return the tokens outside of parentheses."""
    found, depth = [], 0
    for word in tokens:
        depth -= word == ")"
        if depth == 0 and word not in ("(", ")"):
            found.append(word)
        depth += word == "("
    return tuple(found)


def parenthesized_parts(tokens: Tokens) -> list[Tokens]:
    """Return the tokens inside each outermost pair of parentheses."""
    found: list[list[str]] = []
    depth = 0
    for word in tokens:
        depth -= word == ")"
        if depth:
            found[-1].append(word)
        elif word == "(":
            found.append([])
        depth += word == "("
    return [tuple(part) for part in found]


def read_name(tokens: Tokens, index: int) -> tuple[NameParts, int]:
    """Return the parts of the possibly qualified name at an index, and the index after it."""
    parts = [unquote_identifier(tokens[index])] if index < len(tokens) else []
    index += 1
    while index + 1 < len(tokens) and tokens[index] == ".":
        parts.append(unquote_identifier(tokens[index + 1]))
        index += 2
    return tuple(parts), index


def unquote_identifier(identifier: str) -> str:
    """Return an identifier without quotes."""
    return identifier[1:-1].replace('""', '"') if identifier.startswith('"') else identifier


@lru_cache(maxsize=32768)
def split_name(name: str) -> NameParts:
    """Return the parts of a name in a snapshot. A check asks for the same names for each revision."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', name)
    return tuple(quoted.replace('""', '"') or plain for quoted, plain in found)


def is_name_of(written: NameParts, name: str) -> bool:
    """Return whether a name in a statement, qualified or not, can denote the object with a name in a snapshot."""
    parts = split_name(name)
    return bool(written) and written == parts[len(parts) - len(written) :]


def contains_phrase(tokens: Tokens, *phrase: str) -> bool:
    """Return whether the tokens contain a phrase."""
    return find_phrase(tokens, *phrase) >= 0


def find_phrase(tokens: Tokens, *phrase: str) -> int:
    """Return the index of the first occurrence of a phrase, or -1."""
    size = len(phrase)
    return next((i for i in range(len(tokens) - size + 1) if tokens[i : i + size] == phrase), -1)


def skip_phrases(tokens: Tokens, index: int, *phrases: Tokens) -> int:
    """Return the index after those of the optional phrases that follow, in this order."""
    for phrase in phrases:
        if tokens[index : index + len(phrase)] == phrase:
            index += len(phrase)
    return index


def split_actions(tokens: Tokens) -> list[Tokens]:
    """Return the actions of an ALTER TABLE from the tokens after the table's name."""
    found: list[list[str]] = [[]]
    depth = 0
    for word in tokens:
        depth += (word in "([") - (word in ")]") if len(word) == 1 else 0
        if word == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(action) for action in found if action]


def index_key_expression(key: str) -> str:
    """Return an index key without sort order and operator class.

    The collation is kept, because it determines which values are equal.
    """
    parts, depth = [""], 0
    for match in find_tokens(key):
        depth += (match[0] in ("(", "[")) - (match[0] in (")", "]"))
        if depth == 0 and match["space"]:
            parts.append("")
        else:
            parts[-1] += match[0]
    size = parts.index("END") + 1 if parts[0] == "CASE" else 1
    size += 2 * (parts[size : size + 1] == ["COLLATE"])
    return " ".join(parts[:size])
