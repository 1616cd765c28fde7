"""Size limits of metadata. An event with the whole catalog of a large schema would have several megabytes.

Dagster stores each event twice and loads it for each page that shows it. So an event has at most
``MAX_EVENT_BYTES``, of which each value has a share; what is left out is counted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

MAX_EVENT_BYTES = 200_000
"""Size of all metadata of one event, as JSON."""
MAX_TEXT_BYTES = 40_000
"""Size of one text."""
MAX_LIST_BYTES = 8_000
"""Size of one list or mapping."""


def size_of(value: object) -> int:
    """Return the size of a value as JSON, in bytes. Dagster stores events as JSON with ASCII characters only."""
    return len(json.dumps(value, default=str))


def limited_text(text: str, most: int = MAX_TEXT_BYTES, see: str = "") -> str:
    """Return a text with at most ``most`` bytes as JSON, cut at the end of a line.

    ``see``: the command that shows the whole text; it is named where the text was cut. A fenced block that was cut is
    closed.
    """
    if size_of(text) <= most:
        return text
    kept, size = [], 0
    lines = text.splitlines(keepends=True)
    for line in lines:
        size += size_of(line) - 2
        if size > most:
            break
        kept.append(line)
    cut = "".join(kept)
    if cut.count("```") % 2:
        cut += "```\n"
    note = f"… {len(lines) - len(kept):,} more lines"
    return f"{cut}\n{note}; the whole text: `{see}`\n" if see else f"{cut}\n{note}\n"


def limited_items(
    items: Iterable[T], most: int = MAX_LIST_BYTES, size: Callable[[T], int] = size_of
) -> tuple[list[T], int]:
    """Return the first items whose sizes are at most ``most`` in all, and the number of the others."""
    kept: list[T] = []
    total, left = 0, 0
    for item in items:
        total += size(item) + 2
        if left or total > most:
            left += 1
        else:
            kept.append(item)
    return kept, left


def limited_names(names: Iterable[str]) -> list[str]:
    """Return names within the size of a list, followed by the number of the others."""
    kept, left = limited_items(names)
    return [*kept, f"… and {left:,} more"] if left else kept


def limited_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first entries of a mapping within the size of a list, and the number of the others as ``…``."""
    kept, left = limited_items(values.items())
    return {**dict(kept), **({"…": f"{left:,} more"} if left else {})}


def markdown(text: str, see: str = "") -> dg.MarkdownMetadataValue:
    """Return a text within the limit as Markdown metadata."""
    return dg.MetadataValue.md(limited_text(text, see=see))


def sql_markdown(sql: str, most: int = MAX_TEXT_BYTES) -> str:
    """Return SQL as a fenced block that no text in it can end."""
    return limited_text("```sql\n" + sql.replace("```", "` ` `").rstrip() + "\n```\n", most)


def code_markdown(text: str) -> dg.MarkdownMetadataValue:
    """Return a text that people read and copy, for example an approval, as a fenced block."""
    return dg.MetadataValue.md(limited_text("```text\n" + text.replace("```", "` ` `").rstrip() + "\n```\n"))
