"""The queries on the system catalogs, one SQL file each."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

FLAT = "\x02"
"""Prefix of a deparsed expression in which no array contains arrays. Only the expression tree shows that."""

_FLAT_MACRO = re.compile(r"flat\((?P<tree>.+?)\) \|\|")
_VERSION_CONDITION = re.compile(r"-- (?:since (\d+))?(?:, )?(?:until (\d+))?$")
_ONLY_ALL, _ONLY_SELECTED = "  -- of all", "  -- of some"


@cache
def load_query(name: str, major: int, *, selected: bool = False) -> str:
    """Return the query of that name for a major version of the server.

    A line that ends with ``-- since 15`` is used for version 15 and newer, one that ends with ``-- until 14`` for
    14 and older, and one that ends with ``-- since 15, until 16`` for these two. ``flat(tree) ||`` before the text
    of an expression is replaced by SQL that adds the prefix ``FLAT`` where the expression tree allows it.
    A line that ends with ``-- of some`` is used only for a read of selected objects (``selected``), one that ends
    with ``-- of all`` only for a read of all objects.
    """
    text = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if _is_used(line, major, selected))
    return _FLAT_MACRO.sub(_flat_prefix, "\n".join(lines))


def _flat_prefix(match: re.Match[str]) -> str:
    has_flat, has_nested = (
        f"strpos({match['tree']}::text, ':multidims {value}') > 0" for value in ("false", "true")
    )
    return f"CASE WHEN {has_flat} AND NOT {has_nested} THEN E'\\x02' ELSE '' END ||"


def _is_used(line: str, major: int, selected: bool) -> bool:
    if line.endswith(_ONLY_ALL if selected else _ONLY_SELECTED):
        return False
    condition = _VERSION_CONDITION.search(line)
    if condition is None:
        return True
    first, last = condition[1] or "0", condition[2] or "99"
    return int(first) <= major <= int(last)
