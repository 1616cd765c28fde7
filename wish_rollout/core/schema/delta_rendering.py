"""A delta for people: as Markdown, and as lines that read like ``git diff``.

Names and texts come from a database, so they are hostile here: control characters are shown, never sent.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wish_rollout.core.schema.names import PARTS, split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.delta import Delta
    from wish_rollout.core.schema.snapshot import Json

StatementKey = Literal["+", "-", "~", " "]
_MARKS: dict[str, StatementKey] = {"added": "+", "removed": "-", "changed": "~", "renamed": "~"}
_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "~": "\x1b[33m", " ": ""}
_END = "\x1b[0m"


@dataclass(frozen=True)
class Line:
    """A line of a rendered delta: its mark, how deep it stands, and text without control characters."""

    mark: StatementKey
    depth: int
    text: str

    def __str__(self) -> str:
        return f"{self.mark} {'    ' * self.depth}{self.text}".rstrip()


def lines(delta: Delta) -> Iterator[Line]:
    """Give a delta line by line: each table's parts below it, in the order of their names."""
    whole = {(_group(change), change.name) for change in delta.changes if change.kind not in _GROUPED}
    last = None
    for change in sorted(delta.changes, key=_place):
        group = _group(change)
        if change.kind in _GROUPED and (group, group) not in whole and group != last:
            yield Line(" ", 0, f"on {visible(group)}")
        last = group
        yield from _lines_of(change, 1 if change.kind in _GROUPED else 0)


def terminal(delta: Delta, *, colour: bool = False) -> str:
    """Give a delta as text for a terminal, with ANSI colours if wanted; empty if nothing changed."""
    if not colour:
        return "".join(f"{line}\n" for line in lines(delta))
    return "".join(
        f"{_COLOURS[line.mark]}{line}{_END if line.mark != ' ' else ''}\n" for line in lines(delta)
    )


def markdown(delta: Delta) -> str:
    """Give a delta as Markdown: a sentence, and a fenced block that nothing in it can end."""
    if not delta:
        return "No difference.\n"
    counts = [
        f"{count} {word}"
        for word in ("added", "removed", "changed", "renamed")
        if (count := sum(change.change == word for change in delta.changes))
    ]
    return f"{', '.join(counts)}\n\n```diff\n{terminal(delta)}```\n"


def visible(text: str) -> str:
    """Write control and formatting characters as escapes, so that a name can neither hide nor act."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_GROUPED = frozenset({*PARTS, "index"})


def _group(change: Change) -> str:
    if change.kind in PARTS:
        return split_last(change.name)[0]
    if change.kind == "index":
        before, after = change.properties.get("table", (None, None))
        return after or before or change.name
    return change.name


def _place(change: Change) -> tuple[str, bool, int, int, str]:
    """Sort by group, the group's own object first, columns in their order, all else by kind and name."""
    kinds = ("column", "constraint", "index")
    rank = kinds.index(change.kind) if change.kind in kinds else len(kinds)
    before, after = change.properties.get("position", (0, 0))
    return (_group(change), change.kind in _GROUPED, rank, after or before or 0, change.name)


def _lines_of(change: Change, depth: int) -> Iterator[Line]:
    mark = _MARKS[change.change]
    name = split_last(change.name)[1] if change.kind in PARTS else change.name
    if change.change == "renamed":
        to = split_last(change.properties["name"][1])[1]
        yield Line(mark, depth, f"{change.kind} {visible(name)} renamed to {visible(to)}{_also(change)}")
        return
    head = f"{change.kind} {visible(name)}{_also(change)}"
    if change.change == "changed":
        yield Line(mark, depth, head)
        for key, (before, after) in change.properties.items():
            yield from _changed(key, before, after, depth + 1)
        for old, new in change.labels.items():
            yield Line("~", depth + 1, f"label {visible(old)} renamed to {visible(new)}")
        return
    side = 1 if change.change == "added" else 0
    told = {key: pair[side] for key, pair in change.properties.items() if key not in {"position", "table"}}
    if change.kind in _GROUPED and not any(
        isinstance(value, str) and "\n" in value for value in told.values()
    ):
        yield Line(mark, depth, f"{head}: {_in_one_line(told)}" if told else head)
        return
    yield Line(mark, depth, head)
    for key, value in told.items():
        for text in _text(key, value):
            yield Line(mark, depth + 1, text)


def _in_one_line(told: dict[str, Json]) -> str:
    """Write a part's properties as SQL would order them: the type by itself, and first."""
    first = [visible(told["type"])] if isinstance(told.get("type"), str) else []
    rest = [text for key, value in told.items() if key != "type" or not first for text in _text(key, value)]
    return ", ".join(first + rest)


def _also(change: Change) -> str:
    tables = ", ".join(visible(split_last(name)[0]) for name in change.also)
    return f" (and in {tables})" if tables else ""


def _changed(key: str, before: Json, after: Json, depth: int) -> Iterator[Line]:
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        yield Line("~", depth, f"{key}:")
        for text in list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm=""))[3:]:
            mark: StatementKey = text[0] if text[0] in "+-" else " "  # type: ignore[assignment]
            yield Line(mark, depth + 1, visible(text[1:]))
        return
    for mark, value in (("-", before), ("+", after)):
        if value is not None:
            for text in _text(key, value):
                yield Line(mark, depth, text)


def _text(key: str, value: Json) -> Iterator[str]:
    if value is True:
        yield key
    elif isinstance(value, str) and "\n" in value:
        yield f"{key}:"
        for text in value.splitlines():
            yield f"    {visible(text)}"
    elif isinstance(value, str):
        yield f"{key}: {visible(value)}"
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        yield f"{key}: {', '.join(visible(item) for item in value)}"
    else:
        yield f"{key}: {visible(json.dumps(value, ensure_ascii=False))}"


def brief(delta: Delta, most: int = 6) -> str:
    """Name the first few changes of a delta in one line."""
    named = [f"{change.change} {change.kind} {change.name}" for change in delta.changes[:most]]
    more = len(delta.changes) - most
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
