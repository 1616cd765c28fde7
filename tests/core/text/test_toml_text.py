"""TOML files are parsed again only if their text has changed."""

from __future__ import annotations

import tomllib

import pytest

from wish_rollout.core.text.toml_text import parse_toml


def test_equal_texts_are_parsed_once() -> None:
    text = '[tool.alembic]\nscript_location = "migrations"\n'
    first = parse_toml(text)
    assert first == {"tool": {"alembic": {"script_location": "migrations"}}}
    assert parse_toml(f"{text}") is first
    assert parse_toml(text.replace("migrations", "db")) == {"tool": {"alembic": {"script_location": "db"}}}


def test_an_error_is_raised_each_time() -> None:
    for _ in range(2):
        with pytest.raises(tomllib.TOMLDecodeError):
            parse_toml("no toml")
