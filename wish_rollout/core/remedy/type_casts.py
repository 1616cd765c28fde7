"""From one column type to another: by which cast, and whether something may be lost on the way."""

from __future__ import annotations

import re

STRINGS = re.compile(r"(text|character varying|character|name)(\(\d+\))?")
INTEGERS = ("smallint", "integer", "bigint")


def by_assignment(before: str, after: str) -> bool:
    """Whether values are taken over without a cast being written; one that does not fit is refused then."""
    return bool(STRINGS.fullmatch(after)) or before in INTEGERS or _base(before) == _base(after)


def _base(type_name: str) -> str:
    """Give a type's name without its modifiers."""
    return re.sub(r"\([\d,]+\)", "", type_name)


def may_lose(before: str, after: str) -> bool:
    """Whether values of one type may be shortened or rounded without an error on the way to another."""
    if STRINGS.fullmatch(after) or before in INTEGERS or STRINGS.fullmatch(before):
        return False
    if _base(before) == _base(after):
        return _size(after) < _size(before)
    return after not in _WIDER.get(before, ())


_WIDER = {"real": ("double precision",), "date": ("timestamp without time zone", "timestamp with time zone")}


def _size(type_name: str) -> tuple[float, ...]:
    found = re.search(r"\(([\d,]+)\)", type_name)
    return tuple(float(part) for part in found[1].split(",")) if found else (float("inf"), float("inf"))
