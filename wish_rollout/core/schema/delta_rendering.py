"""A delta as text to read: as Markdown, and as lines in the form of ``git diff``.

Names and texts come from a database and may be hostile: control characters are escaped.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wish_rollout.core.schema.names import PART_KINDS, split_last
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Json

Mark = Literal["+", "-", "~", " "]
_MARKS: dict[str, Mark] = {"added": "+", "removed": "-", "changed": "~", "renamed": "~"}
_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "~": "\x1b[33m", " ": ""}
_COLOUR_END = "\x1b[0m"


@dataclass(frozen=True)
class DeltaLine:
    """A line of a rendered delta: its mark, its indentation level, and its text without control characters."""

    mark: Mark
    depth: int
    text: str

    def __str__(self) -> str:
        return f"{self.mark} {'    ' * self.depth}{self.text}".rstrip()


def delta_lines(delta: Delta) -> Iterator[DeltaLine]:
    """Yield the lines of a delta, sorted by object; the parts of a table follow the table."""
    whole = {(_group(change), change.name) for change in delta.changes if change.kind not in _GROUPED}
    last = None
    for change in sorted(delta.changes, key=_sort_key):
        group = _group(change)
        if change.kind in _GROUPED and (group, group) not in whole and group != last:
            yield DeltaLine(" ", 0, f"on {escape_to_one_line(group)}")
        last = group
        yield from _change_lines(change, 1 if change.kind in _GROUPED else 0)


def render_text(delta: Delta, *, colour: bool = False) -> str:
    """Return a delta as text, with ANSI colours if ``colour`` is true; empty for an empty delta."""
    if not colour:
        return "".join(f"{line}\n" for line in delta_lines(delta))
    return "".join(
        f"{_COLOURS[line.mark]}{line}{_COLOUR_END if line.mark != ' ' else ''}\n"
        for line in delta_lines(delta)
    )


def render_markdown(delta: Delta) -> str:
    """Return a delta as Markdown: a summary, and a fenced block that no text in it can end."""
    if not delta:
        return "No difference.\n"
    counts = [
        f"{count} {kind}"
        for kind in ("added", "removed", "changed", "renamed")
        if (count := sum(change.change == kind for change in delta.changes))
    ]
    return f"{', '.join(counts)}\n\n```diff\n{render_text(delta)}```\n"


def summarize_delta(delta: Delta, most: int = 6) -> str:
    """Return the first ``most`` changes of a delta in one line, and the number of the others."""
    return summarize_changes(delta.changes, most)


def summarize_changes(changes: Sequence[Change], most: int = 6) -> str:
    """Return the first ``most`` changes in one line, and the number of the others."""
    names = [f"{change.change} {change.kind} {change.name}" for change in changes[:most]]
    rest = len(changes) - most
    return ", ".join(names) + (f" and {rest} more" if rest > 0 else "")


_GROUPED = frozenset({*PART_KINDS, "index"})


def _group(change: Change) -> str:
    """Return the name of the object that a change is displayed under."""
    if change.kind in PART_KINDS:
        return split_last(change.name)[0]
    if change.kind == "index":
        before, after = change.properties.get("table", (None, None))
        return after or before or change.name
    return change.name


def _sort_key(change: Change) -> tuple[str, bool, int, int, str]:
    """Sort by group, then the group's own object, then columns by position, then other parts by kind and name."""
    kinds = ("column", "constraint", "index")
    rank = kinds.index(change.kind) if change.kind in kinds else len(kinds)
    before, after = change.properties.get("position", (0, 0))
    return (_group(change), change.kind in _GROUPED, rank, after or before or 0, change.name)


def _change_lines(change: Change, depth: int) -> Iterator[DeltaLine]:
    mark = _MARKS[change.change]
    name = split_last(change.name)[1] if change.kind in PART_KINDS else change.name
    head = f"{change.kind} {escape_to_one_line(name)}"
    if change.change == "renamed":
        new_name = split_last(change.properties["name"][1])[1]
        yield DeltaLine(mark, depth, f"{head} renamed to {escape_to_one_line(new_name)}{_also(change)}")
        return
    head += _also(change)
    if change.change == "changed":
        yield DeltaLine(mark, depth, head)
        for key, (before, after) in change.properties.items():
            yield from _changed_property(key, before, after, depth + 1)
        for old, new in change.labels.items():
            yield DeltaLine(
                "~", depth + 1, f"label {escape_to_one_line(old)} renamed to {escape_to_one_line(new)}"
            )
        return
    side = 1 if change.change == "added" else 0
    properties = {
        key: pair[side] for key, pair in change.properties.items() if key not in {"position", "table"}
    }
    has_long_text = any(isinstance(value, str) and "\n" in value for value in properties.values())
    if change.kind in _GROUPED and not has_long_text:
        yield DeltaLine(mark, depth, f"{head}: {_in_one_line(properties)}" if properties else head)
        return
    yield DeltaLine(mark, depth, head)
    for key, value in properties.items():
        for text in _property_lines(key, value):
            yield DeltaLine(mark, depth + 1, text)


def _in_one_line(properties: dict[str, Json]) -> str:
    """Return a part's properties in one line, in the order of SQL: the type first, without its key."""
    kind = properties.get("type")
    first = [escape_to_one_line(kind)] if isinstance(kind, str) else []
    rest = [
        text
        for key, value in properties.items()
        if key != "type" or not first
        for text in _property_lines(key, value)
    ]
    return ", ".join(first + rest)


def _also(change: Change) -> str:
    tables = ", ".join(escape_to_one_line(split_last(name)[0]) for name in change.also)
    return f" (and in {tables})" if tables else ""


def _changed_property(key: str, before: Json, after: Json, depth: int) -> Iterator[DeltaLine]:
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        yield DeltaLine("~", depth, f"{key}:")
        for text in list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[3:]:
            mark: Mark = text[0] if text[0] in "+-" else " "  # type: ignore[assignment]
            yield DeltaLine(mark, depth + 1, escape_to_one_line(text[1:]))
        return
    for mark, value in (("-", before), ("+", after)):
        if value is not None:
            for text in _property_lines(key, value):
                yield DeltaLine(mark, depth, text)


def _property_lines(key: str, value: Json) -> Iterator[str]:
    if value is True:
        yield key
    elif isinstance(value, str) and "\n" in value:
        yield f"{key}:"
        for text in value.splitlines():
            yield f"    {escape_to_one_line(text)}"
    elif isinstance(value, str):
        yield f"{key}: {escape_to_one_line(value)}"
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield f"{key}: {', '.join(escape_to_one_line(item) for item in value)}"
    else:
        yield f"{key}: {escape_to_one_line(json.dumps(value, ensure_ascii=False))}"
