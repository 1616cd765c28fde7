"""Definitions as the server deparses them, made equal on all major versions and free of layout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.postgres.expressions.definition_tokens import join_tokens, split_at_commas, tokenize
from wish_rollout.postgres.expressions.expression_normalization import normalize_expression
from wish_rollout.postgres.queries import FLAT

if TYPE_CHECKING:
    from wish_rollout.postgres.expressions.definition_tokens import Token

_FROM_CLAUSE_ENDS = frozenset(
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


def normalize_definition(text: str) -> str:
    """Return a definition with normalized expressions, and single spaces outside literals and quoted names."""
    return normalize_expression(_normalize_spaces(text))


def normalize_statistics_definition(text: str) -> str:
    """Return the normalized definition of extended statistics.

    A dump writes their expressions without redundant parentheses, so it does not preserve nested lists.
    """
    return normalize_expression(_normalize_spaces(text), everywhere=True)


def _normalize_spaces(text: str) -> str:
    mark, text = _split_mark(text)
    return mark + join_tokens(tokenize(text))


def _split_mark(text: str) -> tuple[str, str]:
    return (FLAT, text.removeprefix(FLAT)) if text.startswith(FLAT) else ("", text)


def normalize_view_definition(text: str) -> str:
    """Return a view's query in a form that is equal on all major versions.

    PostgreSQL 15 and older qualify each column with its table. PostgreSQL 16 and newer do not if the query has
    only one source. That qualifier is removed, except in subqueries, where all versions write it.
    """
    mark, text = _split_mark(text)
    tokens = tokenize(text)
    alias = _single_source_name(tokens)
    if alias is not None:
        tokens = _remove_qualifier(tokens, alias)
    return normalize_expression(mark + join_tokens(tokens))


def _single_source_name(tokens: list[Token]) -> str | None:
    """Return the name of the query's source if it has exactly one, and is not a UNION, INTERSECT or EXCEPT."""
    outer = [token for token in tokens if token.depth == 0]
    key_words = [token.key_word for token in outer]
    if "from" not in key_words or {"union", "intersect", "except"} & set(key_words):
        return None
    source = []
    for token in outer[key_words.index("from") + 1 :]:
        if token.key_word in _FROM_CLAUSE_ENDS or token.text == ";":
            break
        source.append(token)
    texts = [token.text for token in source]
    if "," in texts or any(token.key_word == "join" for token in source):
        return None
    if "TABLESAMPLE" in texts:
        texts = texts[: texts.index("TABLESAMPLE")]
    names = [text for text in texts if text not in {"(", ")"}]
    return names[-1] if names else None


def _remove_qualifier(tokens: list[Token], alias: str) -> list[Token]:
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
            )  # a schema with the same name as its table
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


_IDENTIFIER = r'(?:"(?:[^"]|"")*"|[^\W\d][\w$]*)'
_UPDATE_OF = re.compile(rf"([A-Z ]*UPDATE OF )({_IDENTIFIER}(?:, {_IDENTIFIER})*)(?= ON | OR )")


def normalize_trigger_definition(text: str) -> str:
    """Return a trigger's definition with the columns of UPDATE OF sorted; their order has no meaning."""
    definition = normalize_definition(text)
    events = _UPDATE_OF.match(
        definition
    )  # at the start only: a later match is an argument with the same text
    if events is None:
        return definition
    return events[1] + ", ".join(sorted(split_at_commas(events[2]))) + definition[events.end() :]


def normalize_partition_bound(text: str) -> str:
    """Return a partition bound with the values of a list sorted; their order has no meaning."""
    start = "FOR VALUES IN ("
    if not text.startswith(start):
        return text
    return start + ", ".join(sorted(split_at_commas(text[len(start) : -1]))) + ")"


def sort_assignments(text: str) -> str:
    """Return ``a = 'x', b = 'y'`` sorted by name; the order has no meaning."""
    return ", ".join(sorted(split_at_commas(text)))
