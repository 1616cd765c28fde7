"""Output on a terminal and in a pipe: JSON, lines, tables, progress and questions."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from wish_rollout.core.text.redaction import escape_unprintable, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.core.schema.delta import Delta


def show_json(value: object) -> None:
    """Print a value as JSON on stdout. An unpaired surrogate, which UTF-8 cannot encode, becomes an escape."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text.encode("utf-8", "backslashreplace").decode())  # noqa: T201


def write_line(text: str = "") -> None:
    """Print a line of data on stdout, without control characters."""
    print(escape_unprintable(text))  # noqa: T201


def write_note(text: str) -> None:
    """Print a line that is not data on stderr, without control characters and passwords."""
    print(escape_unprintable(redact(text)), file=sys.stderr)  # noqa: T201


def write_text(text: str) -> None:
    """Print a text for a program on stdout, as it is. An unpaired surrogate becomes an escape."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())


def show_error(error: RolloutError) -> None:
    """Print an error on stderr: one paragraph and a hint."""
    write_note(f"error: {error}" if error.exit_code else str(error))


def error_document(error: RolloutError) -> dict[str, Any]:
    """Return the ``--json`` document of an error: class, text and fields, with passwords removed."""
    if not error.exit_code:
        return {"nothing_to_do": True, "text": str(error)}
    fields = {
        name: value if isinstance(value, int) else redact(str(value))
        for name, value in error.as_dict().items()
    }
    return {"error": {"class": type(error).__name__, "text": str(error), "fields": fields}}


def show_delta(delta: Delta) -> None:
    """Print a delta as text; in colour on a terminal."""
    from wish_rollout.core.schema.delta_rendering import render_text

    sys.stdout.write(render_text(delta, colour=is_colour_wanted()))


def show_findings(findings: Sequence[Any], *, json: bool) -> None:
    """Print the findings of a check: a line each, or one JSON document.

    ``findings``: objects with ``passed``, ``name``, ``detail`` and ``as_dict()``.
    """
    if json:
        show_json(dictionaries(findings))
        return
    for finding in findings:
        write_line(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.name}: {finding.detail}")


def is_colour_wanted() -> bool:
    """Return whether stdout is a terminal and NO_COLOR is not set."""
    import os

    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def write_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table on stdout: by rich on a terminal, as aligned columns in a pipe."""
    rows = [[escape_unprintable(cell).replace("\n", " ") for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        rich_table = Table(*headers, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            rich_table.add_row(*(Text(cell) for cell in row))
        Console().print(rich_table)
        return
    widths = [max(len(row[column]) for row in [list(headers), *rows]) for column in range(len(headers))]
    for row in [list(headers), *rows]:
        write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


_REPORTERS: list[Callable[[str], None]] = []
"""What reports the present steps, the innermost last."""


def report_step(step: str) -> None:
    """Show what is being done, where the block of ``progress`` that is open shows it, or as a line on stderr."""
    report = _REPORTERS[-1] if _REPORTERS else _write_step
    report(step)


def _write_step(step: str) -> None:
    write_note(f"· {step}")


def is_progress_live() -> bool:
    """Return whether progress is shown in place, on a terminal."""
    return sys.stderr.isatty()


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show progress on stderr while the block runs: a spinner on a terminal, otherwise a line for each step.

    Yields the function that reports the name of the current step.
    """
    with ExitStack() as stack:
        report = _write_step
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.markup import escape

            status = stack.enter_context(Console(stderr=True).status(text))

            def report(step: str) -> None:
                status.update(escape(f"{text}: {step}"))

        _REPORTERS.append(report)
        stack.callback(_REPORTERS.remove, report)
        yield report


def confirm(question: str, option: str) -> bool:
    """Return the answer to a yes-or-no question on the terminal. Raise ConfirmationRequired if there is no terminal.

    ``option``: the option that answers yes on the command line, for the error.
    """
    from wish_rollout.core.errors.configuration import ConfirmationRequired

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfirmationRequired(question, option)
    write_note(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def dictionaries(items: Iterable[Any]) -> list[Any]:
    """Return ``as_dict()`` of each item."""
    return [item.as_dict() for item in items]
