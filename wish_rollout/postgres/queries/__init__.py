"""What is asked of the catalog: one query a file."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

FLAT = "\x02"
"""Begins a deparsed expression in which no array holds arrays. Its text does not tell, and its tree does."""

_FLAT = re.compile(r"flat\((?P<tree>.+?)\) \|\|")
_CONDITION = re.compile(r"-- (?:since (\d+))?(?:, )?(?:until (\d+))?$")
_ALL, _SOME = "  -- of all", "  -- of some"


@cache
def query(name: str, major: int, *, some: bool = False) -> str:
    """Give the query of that name for a server's major version.

    A line that ends in ``-- since 15`` is asked of 15 and up only, one that ends in ``-- until 14`` of 14 and
    below, one that ends in ``-- since 15, until 16`` of these two. ``flat(tree) ||`` in front of an expression's
    text begins it with the mark above if that is what its tree says.
    A line that ends in ``-- of some`` is there only for a read of chosen objects (``some``), one that ends in
    ``-- of all`` only for a read of all.
    """
    text = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return _FLAT.sub(_asked, "\n".join(line for line in text.splitlines() if _holds(line, major, some)))


def _asked(match: re.Match[str]) -> str:
    holds = [f"strpos({match['tree']}::text, ':multidims {word}') > 0" for word in ("false", "true")]
    return f"CASE WHEN {holds[0]} AND NOT {holds[1]} THEN E'\\x02' ELSE '' END ||"


def _holds(line: str, major: int, some: bool) -> bool:
    if line.endswith(_ALL if some else _SOME):
        return False
    condition = _CONDITION.search(line)
    if condition is None:
        return True
    first, last = condition[1] or "0", condition[2] or "99"
    return int(first) <= major <= int(last)
