"""Words of SQL statements: enough to see what an ALTER TABLE does, and never fooled by text in quotes.

It is no parser. What a statement leads to is read off the catalog; only what the catalog cannot tell (how it
was done: CONCURRENTLY, NOT VALID, in which transaction) is read here. Manual, 4.1 Lexical Structure.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMENT = r"/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/"
for _ in range(4):  # they nest, and so deep is deep enough
    COMMENT = rf"/\*(?:[^*/]|\*(?!/)|/(?!\*)|{COMMENT})*\*/"

WORD = re.compile(
    rf"""
      (?P<space>\s+|--[^\n]*|{COMMENT})
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$(?P<body>.*?)\$(?(tag)(?P=tag))\$)
    | (?P<escape>[eE]'(?:[^'\\]|''|\\.)*')
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<sign>::|.)
    """,
    re.VERBOSE | re.DOTALL,
)
TEXT = "'…'"
"""Stands for any string constant: no literal of a statement gets further than this."""

Tokens = tuple[str, ...]
Name = tuple[str, ...]
"""An object's name in parts, without quotes."""


BLOCK = ("begin", "then", "else", "loop")
"""Words of PL/pgSQL behind which a statement can stand (manual, 41.2 and 41.6)."""
VERBS = frozenset(
    (
        "alter",
        "create",
        "delete",
        "drop",
        "insert",
        "lock",
        "refresh",
        "reindex",
        "truncate",
        "update",
        "with",
    )
)


def statements(text: str) -> list[Tokens]:
    """Split a text into statements, each a tuple of words: keywords and plain names in lower case.

    What a DO block says comes behind it; what it makes up and gives to EXECUTE does not.
    """
    found: list[Tokens] = []
    blocks: list[Tokens] = []
    for matches in _cut(text):
        words = tuple(map(_word, matches))
        found.append(words)
        if words[0] == "do":
            bodies = (match["body"] for match in matches if match["dollar"])
            blocks += (_in_block(inside) for body in bodies for inside in statements(body))
    return found + [words for words in blocks if words]


def split(text: str) -> list[str]:
    """Split a text into the texts of its statements."""
    return [text[matches[0].start() : matches[-1].end()] for matches in _cut(text)]


def _cut(text: str) -> Iterator[list[re.Match[str]]]:
    """Cut a text at the semicolons between statements: not at those in the body of a BEGIN ATOMIC … END."""
    found: list[re.Match[str]] = []
    depth, before = 0, ""
    for match in WORD.finditer(text):
        if match["space"]:
            continue
        word = match[0].lower()
        depth += (word == "atomic" and before == "begin") or (depth > 0 and word == "case")
        depth -= depth > 0 and word == "end"
        before = word
        if word != ";" or depth:
            found.append(match)
        elif found:
            yield found
            found = []
    if found:
        yield found


def _word(match: re.Match[str]) -> str:
    if match["dollar"] or match["escape"] or match["string"]:
        return TEXT
    return match[0] if match["quoted"] else match[0].lower()


def _in_block(words: Tokens) -> Tokens:
    """Give the statement at the end of what stands between two semicolons of a block; nothing where there is none."""
    while words and words[0] not in VERBS:
        words = words[next((place + 1 for place, word in enumerate(words) if word in BLOCK), len(words)) :]
    return words


def outer(words: Tokens) -> Tokens:
    """Leave out what stands in parentheses."""
    found, depth = [], 0
    for word in words:
        depth -= word == ")"
        if depth == 0 and word not in ("(", ")"):
            found.append(word)
        depth += word == "("
    return tuple(found)


def inner(words: Tokens) -> list[Tokens]:
    """Give what stands in each outermost pair of parentheses."""
    found: list[list[str]] = []
    depth = 0
    for word in words:
        depth -= word == ")"
        if depth:
            found[-1].append(word)
        elif word == "(":
            found.append([])
        depth += word == "("
    return [tuple(part) for part in found]


def name_at(words: Tokens, place: int) -> tuple[Name, int]:
    """Read a name that may be qualified; give its parts and the place behind it."""
    parts = [bare(words[place])] if place < len(words) else []
    place += 1
    while place + 1 < len(words) and words[place] == ".":
        parts.append(bare(words[place + 1]))
        place += 2
    return tuple(parts), place


def bare(word: str) -> str:
    """Take the quotes off an identifier."""
    return word[1:-1].replace('""', '"') if word.startswith('"') else word


def parts_of(name: str) -> Name:
    """Give the parts of a name as a snapshot writes it."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^".]+)', name)
    return tuple(quoted.replace('""', '"') or plain for quoted, plain in found)


def means(written: Name, name: str) -> bool:
    """Whether a name in a statement, qualified or not, can be the object that a snapshot calls so."""
    parts = parts_of(name)
    return bool(written) and written == parts[len(parts) - len(written) :]


def has(words: Tokens, *phrase: str) -> bool:
    """Whether the phrase stands somewhere in the words."""
    return find(words, *phrase) >= 0


def find(words: Tokens, *phrase: str) -> int:
    """Give the place of a phrase, -1 where it is not."""
    size = len(phrase)
    return next((i for i in range(len(words) - size + 1) if words[i : i + size] == phrase), -1)


def skip(words: Tokens, place: int, *phrases: Tokens) -> int:
    """Step over each of the phrases that stands there, in this order."""
    for phrase in phrases:
        if words[place : place + len(phrase)] == phrase:
            place += len(phrase)
    return place


def actions(words: Tokens) -> list[Tokens]:
    """Split what follows the name in ALTER TABLE into its actions, at commas outside of parentheses."""
    found: list[list[str]] = [[]]
    depth = 0
    for word in words:
        depth += (word in "([") - (word in ")]") if len(word) == 1 else 0
        if word == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(word)
    return [tuple(action) for action in found if action]


def expression_of(key: str) -> str:
    """Take order and operator class off an index key; its collation stays, since it decides what is alike."""
    parts, depth = [""], 0
    for match in WORD.finditer(key):
        depth += (match[0] in ("(", "[")) - (match[0] in (")", "]"))
        if depth == 0 and match["space"]:
            parts.append("")
        else:
            parts[-1] += match[0]
    size = parts.index("END") + 1 if parts[0] == "CASE" else 1
    size += 2 * (parts[size : size + 1] == ["COLLATE"])
    return " ".join(parts[:size])
