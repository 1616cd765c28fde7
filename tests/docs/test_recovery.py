"""The page of recovery: each command in it is a command of the program, and each of its rows is tested."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from docs.generator.recovery import SUBJECTS, errors_of
from wish_rollout.cli.main import app

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError

TESTS = Path(__file__).parents[1]
ERRORS = [each for modules in SUBJECTS.values() for module in modules for each in errors_of(module)]
COMMAND = re.compile(r"wish-rollout ([^;,()\n]*)")
LEAST = 13
"""So many characters of a message show that a test expects this message."""


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_commands_in_hints_are_commands_of_the_program(error: type[RolloutError]) -> None:
    def example(match: re.Match[str]) -> str:
        return "7" if error.__annotations__.get(match[1]) == "int" else "value"

    named = re.sub(r"\{(?!environment)(\w+)[^{}]*\}", example, error.hint)
    hint = re.sub(r"\{environment\}|\bENV\b", "prod", named)
    for text in COMMAND.findall(hint):
        for part in re.split(r" && wish-rollout | > | \| ", text):
            words = [word.rstrip(".:") for word in shlex.split(part)]
            parse(words)


def parse(words: list[str]) -> None:
    """Parse the arguments as the program does, without running anything."""
    name, *arguments = words
    groups: Any = typer.main.get_command(app)
    while name in getattr(groups, "commands", {}) and hasattr(groups.commands[name], "commands"):
        groups, (name, *arguments) = groups.commands[name], arguments
    assert name in groups.commands, words
    groups.commands[name].make_context(name, arguments)


def test_each_row_is_tested() -> None:
    """A test names the error's class, or expects a part of its message."""
    texts = "\n".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    texts = re.sub(r"\s+", " ", texts.replace("\\", ""))
    untested = [error.__name__ for error in ERRORS if not is_expected(error, texts)]
    assert untested == []


def is_expected(error: type[RolloutError], texts: str) -> bool:
    if re.search(rf"\b{error.__name__}\b", texts):
        return True
    parts = [part.strip(" '.") for part in re.split(r"\{\w+[^{}]*\}", error.summary)]
    pieces = {part[start : start + LEAST] for part in parts for start in range(len(part) - LEAST + 1)}
    return any(piece in texts for piece in pieces)
