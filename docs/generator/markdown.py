"""Markdown that the pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GENERATED = "<!-- Written by `make reference` from the code. Do not edit. -->"


def document(title: str, introduction: str, *parts: str) -> str:
    """Return a page: a comment that it is generated, its title, an introduction, its parts."""
    return "\n\n".join([GENERATED, f"# {title}", introduction, *(part for part in parts if part)]) + "\n"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing where it has no rows."""
    lines = ["| " + " | ".join(cell(text) for text in row) + " |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(headers)} |", f"|{'---|' * len(headers)}", *lines])


def cell(text: str) -> str:
    """Return a text as one line that does not end its cell."""
    return " ".join(text.split()).replace("|", "\\|") or "-"


def code(text: object) -> str:
    """Return a text as a code span, or nothing for an empty one."""
    return f"`{text}`" if str(text) else ""


def prose(docstring: str | None) -> str:
    """Return a docstring's text with Markdown's code spans, a line a paragraph."""
    paragraphs = (docstring or "").replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
