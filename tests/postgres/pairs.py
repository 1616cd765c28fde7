"""Pairs of schemas: composed of mutation cases at random, led from one to the other by a remedy, and judged."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from tests.postgres.cases import format_change
from tests.postgres.rows import fill, lost_values, read_rows
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.text.sql_tokens import split_statements
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.postgres.cases import Case
    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.core.schema.snapshot import Snapshot

SUPERUSER = Roles.of("postgres", {})
DATA = ("23", "22", "55P04")
"""Classes of errors that are about rows (manual, Appendix A)."""
SERVER_FAULT = "cannot start a subtransaction when there are unprocessed inval messages"
"""PostgreSQL 18 says so of ALTER DOMAIN in a savepoint after another ALTER DOMAIN; no remedy has savepoints."""
GOOD = frozenset({"equal", "refused", "rows", "server"})


@dataclass
class Verdict:
    """How one remedy did: ``result`` is a word, ``details`` say what a person wants to see."""

    result: str
    details: str = ""
    found: Remedy | None = None
    lost: list[str] = field(default_factory=list)


def compose(seed: int, cases: Sequence[Case], major: int) -> tuple[list[str], list[str]]:
    """Choose two to six cases; give the statements before them, and those of the mutations."""
    chance = random.Random(seed)
    known = [case for case in cases if case.since <= major]
    chosen = chance.sample(known, chance.randint(2, 6))
    return (
        [text for case in chosen for text in split_statements(case.parts[0])],
        [text for case in chosen for text in split_statements(case.parts[1])],
    )


def run_possible(connection: psycopg.Connection, statements: Sequence[str]) -> list[str]:
    """Run what can be run on what is there by now; give those statements."""
    done = []
    for text in statements:
        connection.execute("SAVEPOINT one")
        try:
            connection.execute(text.encode())
        except psycopg.Error:
            connection.execute("ROLLBACK TO one")
        else:
            done.append(text)
        connection.execute("RELEASE one")
    return done


def lead(connection: psycopg.Connection, live: Snapshot, target: Snapshot, major: int) -> Verdict:
    """Lead the schema of an open transaction, ``live``, to another one, with rows in it, and judge what came of it."""
    found = remedy(live, target, SUPERUSER, major)
    if not found:
        return Verdict("equal", "no statement")
    connection.execute("SAVEPOINT led")
    fill(connection)
    rows = read_rows(connection)
    verdict = _run(connection, found, target)
    if verdict.result in {"equal", "refused"}:
        verdict.lost = lost_values(rows, read_rows(connection), found)
    if verdict.result == "rows":
        connection.execute("ROLLBACK TO led")
        connection.execute("SAVEPOINT led")
        without = _run(connection, found, target)
        verdict = without if without.result not in GOOD else verdict
    if verdict.result in GOOD and found.loses_data:
        connection.execute("ROLLBACK TO led")
        connection.execute("SAVEPOINT led")
        if error := _error(connection, [each.sql for each in found.statements if not each.loses_data]):
            verdict = Verdict("unmarked", f"without what loses data: {error}\n{found.script()}", found)
    verdict.found = found
    return verdict


def _run(connection: psycopg.Connection, found: Remedy, target: Snapshot) -> Verdict:
    if error := _error(connection, [each.sql for each in found.statements]):
        word = "server" if SERVER_FAULT in error else "rows" if error.startswith(DATA) else "failed"
        return Verdict(word, f"{error}\n{found.script(lossy=True)}")
    left = [format_change(change) for change in difference(target, read_snapshot(connection)).changes]
    named = {f"{gap.kind} {gap.name}" for gap in found.gaps}
    beyond = [each for each in left if not any(name in each for name in named)]
    if beyond:
        return Verdict("left", "\n".join(beyond) + "\n" + found.script(lossy=True))
    return Verdict("equal" if not found.gaps else "refused", "\n".join(map(str, found.gaps)))


def _error(connection: psycopg.Connection, statements: Sequence[str]) -> str:
    for text in statements:
        try:
            connection.execute(text.encode())
        except psycopg.Error as error:
            return f"{error.sqlstate}: {error}\nin {text}"
    return ""
