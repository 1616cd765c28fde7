"""Code for a revision: names as Python literals, as Alembic expects them, without quotes of SQL and with the schema apart."""

from __future__ import annotations

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier


def literal(text: str) -> str:
    """Return a text as a Python literal, in double quotes if the text has none."""
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else f'"{text}"'


def called(name: str) -> str:
    """Return an object's own name as a Python literal, without its schema: ``sales."Odd one"`` → ``"Odd one"``."""
    return literal(unquote_identifier(split_last(name)[1]))


def schema(name: str) -> str:
    """Return the argument ``schema=…`` for a name, or "" for the schema public."""
    inside = unquote_identifier(split_last(name)[0])
    return "" if inside in ("", "public") else f", schema={literal(inside)}"


def names_of(table: str, **more: str) -> dict[str, str]:
    """Return the values of a template: ``table``, ``schema``, and other names in a snapshot as Python literals."""
    own = {key: called(name) for key, name in more.items()}
    return {"table": called(table), "schema": schema(table), **own}
