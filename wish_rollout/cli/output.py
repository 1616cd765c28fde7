"""How things look on a terminal and in a pipe."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.core.text.redaction import printable, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.core.schema.delta import Delta


def show_json(value: object) -> None:
    """Print a value as JSON, on stdout. Half a character, which no encoding has, is written as JSON's escape."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "backslashreplace").decode())  # noqa: T201


def say(text: str = "") -> None:
    """Print a line of data on stdout."""
    print(printable(text))  # noqa: T201


def note(text: str) -> None:
    """Print a line that is no data, on stderr."""
    print(printable(redact(text)), file=sys.stderr)  # noqa: T201


def show_error(error: RolloutError) -> None:
    """Tell an error as one paragraph and a hint, on stderr."""
    note(f"error: {error}" if error.exit_code else str(error))


def error_document(error: RolloutError) -> dict[str, Any]:
    """Give an error for ``--json``: its class, its text, and its fields, without secrets."""
    if not error.exit_code:
        return {"nothing_to_do": True, "text": str(error)}
    fields = {
        name: value if isinstance(value, int) else redact(str(value))
        for name, value in error.as_dict().items()
    }
    return {"error": {"class": type(error).__name__, "text": str(error), "fields": fields}}


def show_delta(delta: Delta) -> None:
    """Print a delta as a person reads it; coloured on a terminal only."""
    from wish_rollout.core.schema.delta_rendering import terminal

    sys.stdout.write(terminal(delta, colour=colourful()))


def colourful() -> bool:
    """Whether stdout wants colour: a terminal, and NO_COLOR is not set."""
    import os

    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout: drawn on a terminal, plain aligned columns in a pipe."""
    rows = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(*headers, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            drawn.add_row(*(Text(cell) for cell in row))
        Console().print(drawn)
        return
    widths = [max(len(line[place]) for line in [list(headers), *rows]) for place in range(len(headers))]
    for line in [list(headers), *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done: a spinner on a terminal, a line a step otherwise; always on stderr."""
    if not sys.stderr.isatty():

        def line(step: str) -> None:
            note(f"· {step}")

        yield line
        return
    from rich.console import Console

    with Console(stderr=True).status(text) as status:
        yield lambda step: status.update(f"{text}: {step}")


def confirm(question: str, option: str) -> bool:
    """Ask at the terminal; raise NeedsConsent where there is none."""
    from wish_rollout.core.errors.configuration import ConfirmationRequired

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfirmationRequired(question, option)
    note(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def as_json(items: Iterable[Any]) -> list[Any]:
    """Give each item's ``as_dict()``."""
    return [item.as_dict() for item in items]
