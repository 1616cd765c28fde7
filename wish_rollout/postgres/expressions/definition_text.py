"""Deparsed text, made the same on all major versions and free of layout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wish_rollout.postgres.expressions.expression_normalization import normalize_expression
from wish_rollout.postgres.expressions.expression_tokens import LITERAL
from wish_rollout.postgres.queries import FLAT

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOKEN = re.compile(
    rf"""(?P<text>{LITERAL})
      | (?P<name>"(?:[^"]|"")*"|[^\W\d][\w$]*)
      | (?P<space>\s+)
      | (?P<other>\d[\w.]*|::|.)""",
    re.VERBOSE | re.DOTALL,
)
_FROM_ENDS = frozenset(
    [
        "where",
        "group",
        "having",
        "window",
        "order",
        "limit",
        "offset",
        "fetch",
        "for",
        "union",
        "intersect",
        "except",
    ]
)
_QUERY_STARTS = frozenset({"select", "with", "values"})


class Token(NamedTuple):
    """A token of SQL, the spaces in front of it reduced to at most one."""

    text: str
    spaced: bool
    depth: int
    inner: bool
    """Whether it stands inside of a subquery."""

    @property
    def word(self) -> str:
        """Give the token as a keyword would be compared."""
        return self.text.lower()


def tidy(text: str) -> str:
    """Reduce all white space outside of literals and names to single spaces; settle the expressions in it."""
    return normalize_expression(_spaced(text))


def statistics_definition(text: str) -> str:
    """Give what extended statistics are made with.

    A dump writes their expressions without needless parentheses, and so does not keep which list was in which.
    """
    return normalize_expression(_spaced(text), everywhere=True)


def _spaced(text: str) -> str:
    mark, text = _mark(text)
    return mark + _joined(_tokens(text))


def _mark(text: str) -> tuple[str, str]:
    return (FLAT, text.removeprefix(FLAT)) if text.startswith(FLAT) else ("", text)


def _joined(tokens: Iterable[Token]) -> str:
    return "".join(" " + token.text if token.spaced else token.text for token in tokens).strip(" ;")


def view_definition(text: str) -> str:
    """Give a view's query as every version would write it.

    Up to 15 each column carries the name of its table. From 16 on it does not if the query reads from one
    source only. So that one prefix is taken away, outside of subqueries, where both write it.
    """
    mark, text = _mark(text)
    tokens = _tokens(text)
    alias = _only_source(tokens)
    if alias is not None:
        tokens = _without_prefix(tokens, alias)
    return normalize_expression(mark + _joined(tokens))


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    spaced = False
    queries = [False]
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "space":
            spaced = True
            continue
        part = match[0]
        if part == ")" and len(queries) > 1:
            queries.pop()
        tokens.append(Token(part, spaced, len(queries) - 1, queries[-1]))
        if part == "(":
            start = _TOKEN.match(text, match.end())
            if start is not None and start.lastgroup == "space":
                start = _TOKEN.match(text, start.end())
            queries.append(queries[-1] or (start is not None and start[0].lower() in _QUERY_STARTS))
        spaced = False
    return tokens


def _only_source(tokens: list[Token]) -> str | None:
    """Give the name of a query's source, if it has exactly one and is no UNION or the like."""
    outer = [token for token in tokens if token.depth == 0]
    words = [token.word for token in outer]
    if "from" not in words or {"union", "intersect", "except"} & set(words):
        return None
    source = []
    for token in outer[words.index("from") + 1 :]:
        if token.word in _FROM_ENDS or token.text == ";":
            break
        source.append(token)
    texts = [token.text for token in source]
    if "," in texts or any(token.word == "join" for token in source):
        return None
    if "TABLESAMPLE" in texts:
        texts = texts[: texts.index("TABLESAMPLE")]
    names = [text for text in texts if text not in {"(", ")"}]
    return names[-1] if names else None


def _without_prefix(tokens: list[Token], alias: str) -> list[Token]:
    kept: list[Token] = []
    skip = False
    spaced = False
    for index, token in enumerate(tokens):
        if skip:
            skip, spaced = False, tokens[index - 1].spaced
            continue
        following = [following.text for following in tokens[index + 1 : index + 4]]
        before = tokens[index - 1].text if index else ""
        if (
            token.text == alias
            and not token.inner
            and before not in {".", "::", "COLLATE"}
            and not (
                token.depth == 0 and before in {"FROM", "ONLY"}
            )  # a schema that is called like its table
            and following[:1] == ["."]
            and following[1:2] != ["*"]
            and following[2:3] not in (["("], ["."])
        ):
            skip = True
            spaced = token.spaced
            continue
        kept.append(token._replace(spaced=token.spaced or spaced))
        spaced = False
    return kept


_WORD = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_UPDATE_OF = re.compile(rf"([A-Z ]*UPDATE OF )({_WORD}(?:, {_WORD})*)(?= ON | OR )")


def trigger_definition(text: str) -> str:
    """Give what a trigger is made with; the order of the columns that it watches means nothing."""
    told = tidy(text)
    events = _UPDATE_OF.match(told)  # further on it is an argument that reads like it
    return told if events is None else events[1] + ", ".join(sorted(_split(events[2]))) + told[events.end() :]


def partition_bound(text: str) -> str:
    """Give a partition's bound; the order of the values in a list means nothing."""
    start = "FOR VALUES IN ("
    if not text.startswith(start):
        return text
    return start + ", ".join(sorted(_split(text[len(start) : -1]))) + ")"


def listed(text: str) -> str:
    """Give ``a = 'x', b = 'y'`` in the order of the names, which is the order of no statement."""
    return ", ".join(sorted(_split(text)))


def _split(text: str) -> list[str]:
    """Give what stands between the commas that are in no brackets or literals."""
    parts = [""]
    for token in _tokens(text):
        if token.text == "," and token.depth == 0:
            parts.append("")
        else:
            parts[-1] += " " + token.text if token.spaced else token.text
    return [part.strip() for part in parts]
