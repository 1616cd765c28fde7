"""Routines whose body is a text: PostgreSQL need not check it before everything that it calls exists."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTING = "check_function_bodies"
_WITH_TEXT = re.compile(r"CREATE OR REPLACE (FUNCTION|PROCEDURE) .* AS \$body\d*\$", re.DOTALL)


def without_body_checks(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements with the check of bodies switched off, as pg_dump does, where one needs that."""
    if not any(_WITH_TEXT.match(statement.sql) for statement in statements):
        return list(statements)
    return [
        Statement(f"SET {SETTING} = off", "setting", SETTING),
        *statements,
        Statement(f"RESET {SETTING}", "setting", SETTING),
    ]
