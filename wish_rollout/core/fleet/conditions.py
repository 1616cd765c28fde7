"""Conditions on the attributes of a target, as in ``region = 'eu' and tier in ('free', 'trial')``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_]\w*)|(?P<sign><>|!=|=|\(|\)|,))")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of an attribute. ``negated``: the attribute must have none of the values."""

    key: str
    values: frozenset[str]
    negated: bool = False

    def holds(self, value: Callable[[str], str | None]) -> bool:
        """Return whether a target fulfils it. One without the attribute does not, as NULL in SQL (manual, 9.2)."""
        found = value(self.key)
        return found is not None and (found in self.values) != self.negated


@dataclass(frozen=True, slots=True)
class Condition:
    """Alternatives, of each of which all comparisons must hold."""

    alternatives: tuple[tuple[Comparison, ...], ...]

    def holds(self, value: Callable[[str], str | None]) -> bool:
        """Return whether a target fulfils it. ``value``: returns the value of an attribute, or None."""
        return any(all(each.holds(value) for each in group) for group in self.alternatives)


def parse_condition(text: str) -> Condition:
    """Return a condition; raise ValueError.

    Comparisons are ``key = 'value'``, ``key <> 'value'``, ``key in ('a', 'b')`` and ``key not in (…)``, joined by ``and``
    and ``or``; ``and`` binds more strongly, as in SQL.
    """
    tokens = _tokens(text)
    groups: list[list[Comparison]] = [[]]
    while True:
        groups[-1].append(_comparison(tokens))
        if not tokens:
            return Condition(tuple(map(tuple, groups)))
        joined = tokens.pop(0).lower()
        if joined == "or":
            groups.append([])
        elif joined != "and":
            raise ValueError(f"'and' or 'or' is missing before {joined}")


def _tokens(text: str) -> list[str]:
    found, position = [], 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"it cannot be read from character {position + 1} on")
        found.append(match.group().strip())
        position = match.end()
    return found


def _comparison(tokens: list[str]) -> Comparison:
    if len(tokens) < 3 or not re.match(r"[A-Za-z_]", tokens[0]):
        raise ValueError("a comparison is an attribute, =, <> or in, and a value in single quotes")
    key, sign = tokens.pop(0), tokens.pop(0).lower()
    negated = sign in ("<>", "!=", "not")
    if sign == "not":
        sign = f"not {tokens.pop(0).lower()}"
    if sign in ("=", "<>", "!="):
        return Comparison(key, frozenset({_value(tokens)}), negated)
    if sign not in ("in", "not in"):
        raise ValueError(f"'{sign}' is no comparison; write =, <>, in or not in")
    return Comparison(key, frozenset(_values(tokens)), negated)


def _values(tokens: list[str]) -> list[str]:
    values, expected = [], "("
    while tokens:
        if tokens.pop(0) != expected:
            break
        values.append(_value(tokens))
        expected = ","
        if tokens[:1] == [")"]:
            tokens.pop(0)
            return values
    raise ValueError("the values after in are not written as ('a', 'b')")


def _value(tokens: list[str]) -> str:
    token = tokens.pop(0) if tokens else ""
    if not token.startswith("'"):
        raise ValueError(f"a value is not written in single quotes: {token or 'nothing'}")
    return token[1:-1].replace("''", "'")
