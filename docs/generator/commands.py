"""The page of the command line, from the Typer application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from docs.generator.markdown import code, document, prose, table
from wish_rollout.cli.main import EPILOG, app

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = "wish-rollout"
INTRODUCTION = (
    "Data goes to stdout, everything else to stderr. Colour is used on a terminal only. `TARGET`, `A` and `B` are an "
    "environment's name, a `postgresql://` URL or a snapshot file. `--json` prints the result, or the error, as one "
    "document ([formats](json.md))."
)


def page() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    return document(
        "Command line",
        INTRODUCTION,
        "## Options of every command",
        "These options come before the command: `wish-rollout --config FILE status`.",
        table(["option", "meaning"], options(root)),
        "## Exit codes",
        prose(EPILOG.removeprefix("Exit codes: ")).replace(" · ", "; "),
        "Each class of error has its exit code ([errors](errors.md)).",
        *(section(name, command) for name, command in walk(PROGRAM, root) if not is_group(command)),
    )


def is_group(command: Any) -> bool:
    """Return whether a command has subcommands."""
    return bool(getattr(command, "commands", None))


def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield a command and each command below it, with its full name."""
    yield name, command
    for child, below in getattr(command, "commands", {}).items():
        yield from walk(f"{name} {child}", below)


def section(name: str, command: Any) -> str:
    """Return one command's section: synopsis, description, arguments, options."""
    names = [each.metavar or each.name.upper() for each in arguments(command)]
    rows = [(code(name), each.help or "") for name, each in zip(names, arguments(command), strict=True)]
    parts = (
        f"## {name}",
        f"```text\n{' '.join([name, *names, '[OPTIONS]'])}\n```",
        prose(command.help),
        table(["argument", "meaning"], rows),
        table(["option", "meaning"], options(command)),
    )
    return "\n\n".join(part for part in parts if part)


def arguments(command: Any) -> list[Any]:
    """Return a command's positional arguments."""
    return [each for each in command.params if each.param_type_name == "argument"]


def options(command: Any) -> Iterator[tuple[str, str]]:
    """Yield the names of each option of a command, and its help text."""
    for each in command.params:
        if each.param_type_name == "option" and not each.hidden and each.name != "help":
            value = "" if each.is_flag else f" {each.metavar or 'TEXT'}"
            yield ", ".join(code(name + value) for name in each.opts), each.help or ""
