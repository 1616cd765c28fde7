"""What is asked of the catalog: one query a file."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_CONDITION = re.compile(r"-- (?:since (\d+))?(?:, )?(?:until (\d+))?$")


@cache
def query(name: str, major: int) -> str:
    """Give the query of that name for a server's major version.

    A line that ends in ``-- since 15`` is asked of 15 and up only, one that ends in ``-- until 14`` of 14 and
    below, one that ends in ``-- since 15, until 16`` of these two.
    """
    text = files(__package__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if _holds(line, major))


def _holds(line: str, major: int) -> bool:
    condition = _CONDITION.search(line)
    if condition is None:
        return True
    first, last = condition[1] or "0", condition[2] or "99"
    return int(first) <= major <= int(last)
