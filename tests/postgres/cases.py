"""Reads test cases from text files: a title, then SQL and the expected result, separated by lines of three dashes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.schema.change import Change

CASES = Path(__file__).parent.parent / "cases"
EVERYTHING = bool(os.environ.get("WISH_ALL_MUTATIONS"))
"""Whether each case is wanted on each version, and with each check."""
SYMBOLS = {"added": "+", "removed": "-", "changed": "~", "renamed": "="}


@dataclass(frozen=True)
class Case:
    """A test case. ``parts``: the texts between the separators. ``since``: the first major version that supports the SQL."""

    title: str
    since: int
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return self.title


def read_cases(folder: str) -> list[Case]:
    """Return all cases in a folder. The line ``=== title [since 15]`` begins a case."""
    cases = []
    for path in sorted((CASES / folder).glob("*.txt")):
        for text in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, rest = text.partition("\n")
            since = re.search(r" \[since (\d+)\]$", title)
            parts = re.split(r"^---$", rest, flags=re.MULTILINE)
            cases.append(
                Case(f"{path.stem}: {title}", int(since[1]) if since else 14, tuple(p.strip() for p in parts))
            )
    return cases


def format_change(change: Change) -> str:
    """Return a change in the notation of the case files."""
    properties = (
        f" ({', '.join(sorted(change.properties))})" if change.change in {"changed", "renamed"} else ""
    )
    also = f" also {', '.join(change.also)}" if change.also else ""
    return f"{SYMBOLS[change.change]} {change.kind} {change.name}{properties}{also}"
