"""The commands: each is documented, and each example in the pages names one that exists."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import typer

from docs.generator.commands import PROGRAM, arguments, is_group, walk
from tests.docs.files import PAGES, ROOT, name
from wish_rollout.cli.main import app

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = dict(walk(PROGRAM, typer.main.get_command(app)))
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z0-9.-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("command", [each for each in COMMANDS if not is_group(COMMANDS[each])])
def test_a_command_is_documented(command: str) -> None:
    definition = COMMANDS[command]
    words = command.split()

    assert definition.help, command
    assert [each.name for each in definition.params if not getattr(each, "help", "")] == [], command
    assert f"`{' '.join(words[:2])}" in README
    assert len(words) == 2 or f"`{words[2]}`" in README


def test_the_readme_names_the_two_commands() -> None:
    assert {"$ make rollout", "$ make test"} <= set(README.splitlines())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_examples_of_a_page_can_be_typed(page: Path) -> None:
    assert [f"{line}: {why}" for line in examples(page) if (why := mistake(line))] == []


def examples(page: Path) -> list[str]:
    """Return the commands of a page: lines after a dollar sign, and code spans that begin with a program's name."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    typed = re.findall(r"^ *\$ (.+)$", text, re.MULTILINE)
    return [*typed, *re.findall(rf"`((?:{PROGRAM}|make) [^`]+)`", text)]


def mistake(line: str) -> str:
    """Return what is wrong with a line of the shell; nothing if each of our commands and options in it exists."""
    for part in re.split(r"[|;&]+|\$\(", re.sub(r"'[^']*'", "TEXT", line.replace("\\|", "/"))):
        words = shlex.split(part.strip('()" '), comments=True, posix=False)
        if words[:1] == ["make"] and set(words[1:]) - TARGETS:
            return f"no target {', '.join(words[1:])}"
        if words[:1] == [PROGRAM] and (found := mistaken_command(words)):
            return found
    return ""


def mistaken_command(words: list[str]) -> str:
    """Return what is wrong with a call of the program."""
    command, rest = PROGRAM, words[1:]
    root_options = option_names(COMMANDS[PROGRAM])
    while rest and rest[0].startswith("-"):
        if rest[0].partition("=")[0] not in root_options:
            return f"no option {rest[0]} before the command"
        rest = rest[2 if rest[0] == "--config" else 1 :]
    while rest and f"{command} {rest[0]}" in COMMANDS:
        command, rest = f"{command} {rest[0]}", rest[1:]
    if is_group(COMMANDS[command]) and rest and not rest[0].isupper():
        return f"no command {rest[0]}"
    definition = COMMANDS[command]
    given = [word.strip("[]").partition("=")[0] for word in rest]
    unknown = [word for word in given if re.match(r"--?[a-z]", word) and word not in option_names(definition)]
    return f"no option {', '.join(unknown)} of {command}" if unknown else ""


def option_names(definition: Any) -> set[str]:
    """Return the options of a command."""
    named = {
        spelling for each in definition.params for spelling in each.opts if each not in arguments(definition)
    }
    return {*named, "-h", "--help"}


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("wish-rollout drift prod --sql > back.sql", True),
        ('eval "$(wish-rollout sandbox env)"', True),
        ("wish-rollout check && wish-rollout apply", True),
        ("wish-rollout --config other.toml status", True),
        ("make rollout", True),
        ("make roll", False),
        ("wish-rollout drif prod", False),
        ("wish-rollout drift prod --sqll", False),
        ("wish-rollout sandbox upp", False),
        ("true; wish-rollout apply --dry", False),
    ],
)
def test_a_mistake_in_an_example_is_found(line: str, right: bool) -> None:
    assert (mistake(line) == "") is right
