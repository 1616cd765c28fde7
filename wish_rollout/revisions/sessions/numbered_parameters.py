"""SQL with numbered parameters (``$1``), as asyncpg takes it, for psycopg."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PARAMETER = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\d+)""")
"""A parameter, or a quoted text that is skipped: DDL with a text between dollar signs takes no parameters."""


def with_named_parameters(
    statement: str, parameters: Sequence[Any]
) -> tuple[str, dict[str, Any] | list[dict[str, Any]]]:
    """Return the statement with named parameters, and the parameters: one row, or a list of them."""

    def name(found: re.Match[str]) -> str:
        return f"%({found[1]})s" if found[1] else found[0]

    named = PARAMETER.sub(name, statement.replace("%", "%%"))
    if isinstance(parameters, list):
        return named, [_by_number(row) for row in parameters]
    return named, _by_number(parameters)


def _by_number(row: Sequence[Any]) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(row, 1)}
