"""The entry point ``wish-rollout``: commands, error output and exit codes."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any

import typer
from typer.main import get_command

from wish_rollout import __version__
from wish_rollout.cli.commands import (
    approval_commands,
    archive_commands,
    check_command,
    evidence_command,
    inspect_commands,
    project_commands,
    report_command,
    request_commands,
    rollback_commands,
    rollout_commands,
    sandbox_commands,
    watch_commands,
)
from wish_rollout.cli.output import error_document, show_error, show_json, write_note
from wish_rollout.core.errors.base import DEBUG, RolloutError
from wish_rollout.core.errors.configuration import FileUnusable

EPILOG = (
    "Exit codes: 0 done, or nothing to do · 1 other error · 2 usage or configuration · 3 waiting for approval · "
    "4 drift or difference · 5 verification failed · 6 refused."
)

app = typer.Typer(
    name="wish-rollout",
    help="Take an Alembic release through environments and verify the schema after each step.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    config: str = typer.Option(
        "",
        "--config",
        metavar="FILE",
        help="Path of rollout.toml (default: in this folder or the nearest parent).",
    ),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),  # noqa: ARG001
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Handle the options that precede the command: --config, --debug and --version."""
    if version:
        typer.echo(f"wish-rollout {__version__}")
        raise typer.Exit
    context.obj = config


for module in (
    rollout_commands,
    rollback_commands,
    archive_commands,
    approval_commands,
    request_commands,
    inspect_commands,
    project_commands,
    check_command,
    report_command,
    evidence_command,
):
    module.register(app)
app.add_typer(sandbox_commands.app, name="sandbox")
app.add_typer(watch_commands.app, name="watch")


def main() -> None:
    """Run a command. A RolloutError is printed as a paragraph and a hint; its class decides the exit code.

    ``--debug`` is accepted at any position of the arguments; it prints the traceback instead.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv[1:])
    if debug:
        os.environ[DEBUG] = "1"
    try:
        run_command(arguments)
    except RolloutError as error:
        if debug:
            raise
        show_error(error)
        if "--json" in arguments:
            show_json(error_document(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        write_note("interrupted; committed changes are kept")
        sys.exit(130)


def run_command(arguments: list[str]) -> None:
    """Run a command. Raises FileUnusable for an error of the operating system that names a file."""
    try:
        _command()(arguments)
    except OSError as error:
        if error.filename is None:
            raise
        raise FileUnusable(str(error.filename), error.strerror or str(error)) from error


@cache
def _command() -> Any:
    """Return the parser of the arguments, which is built once in a process."""
    return get_command(app)
