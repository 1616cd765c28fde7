"""Code to paste into a revision: names as Python writes them and Alembic takes them, bare, with the schema beside."""

from __future__ import annotations

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier


def literal(text: str) -> str:
    """Write a text as Python does, in double quotes where these are not in it."""
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else f'"{text}"'


def called(name: str) -> str:
    """Write an object's own name, as ``op`` takes it: ``sales."Odd one"`` → ``"Odd one"``, the one of Python."""
    return literal(unquote_identifier(split_last(name)[1]))


def schema(name: str) -> str:
    """Write the argument that names the schema; nothing for public, which is what ``op`` takes without."""
    inside = unquote_identifier(split_last(name)[0])
    return "" if inside in ("", "public") else f", schema={literal(inside)}"


def names_of(table: str, **more: str) -> dict[str, str]:
    """Give what a template on a table names: ``table``, ``schema``, and more names of the snapshot, as Python has them."""
    own = {key: called(name) for key, name in more.items()}
    return {"table": called(table), "schema": schema(table), **own}
