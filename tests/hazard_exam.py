"""The hazard exam: single changes of a schema, with the dangers that were measured on full tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from alembic import op
from alembic.migration import MigrationContext
from alembic.operations import Operations

from wish_rollout import safe
from wish_rollout.core.hazards.pending_revision import PendingRevision
from wish_rollout.core.schema.scope import Scope
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.revisions.runs.statement_hooks import listen
from wish_rollout.revisions.sessions.shared_connection import Phase, SharedConnection
from wish_rollout.revisions.sessions.shared_session import share_session
from wish_rollout.revisions.statements.applied_revisions import Applied
from wish_rollout.revisions.statements.internal_statements import is_own
from wish_rollout.rollout.planning.hazard_assessment import assess_hazards
from wish_rollout.rollout.replay.statement_measurement import measure_statements

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.schema.snapshot import Snapshot

CASES_FOLDER = Path(__file__).parent / "cases"
BASE = (CASES_FOLDER / "hazard_exam_base.sql").read_text()
ROWS = (CASES_FOLDER / "hazard_exam_rows.sql").read_text()
HARD = ("held", "lost", "row locks")


class AlembicContext:
    """Tells Alembic's own statements from those of a revision."""

    def __init__(self, context: MigrationContext) -> None:
        self.version_table = context._version

    def is_own(self, execution: Any, statement: str) -> bool:
        return is_own(execution, statement, self.version_table)


@dataclass(frozen=True)
class ExamCase:
    """A change, as the body of ``upgrade()``, and per major version its locks and dangers; none: the server refuses it."""

    name: str
    upgrade: str
    measured: dict[str, dict[str, Any]]
    since: int = 14

    def locks(self, version: int) -> dict[str, str]:
        found: dict[str, str] = self.measured[str(version)].get("locks", {})
        return found

    def dangers(self, version: int) -> set[str]:
        return set(self.measured[str(version)].get("dangers", []))


EXAM_CASES = [ExamCase(**each) for each in json.loads((CASES_FOLDER / "hazard_exam.json").read_text())]


def read_schema(url: str) -> Snapshot:
    with connect(url, "the test") as connection:
        return read_database_state(connection, Scope()).snapshot


def rehearse(url: str, upgrade: Callable[[], Any], before: Snapshot | None = None) -> PendingRevision:
    """Execute a change on a scratch database as a revision's upgrade, and return what was measured."""
    before = before or read_schema(url)
    applied = Applied(revisions=["r"])
    with (
        connect(url, "the test") as connection,
        measure_statements(connection, url, "the test") as meter,
        share_session(connection) as session,
        session.connect() as migrating,
    ):
        context = MigrationContext.configure(migrating)
        assert isinstance(migrating, SharedConnection)
        session.phase, session.migrating = Phase.RUNNING, migrating
        listen(session, applied, AlembicContext(context), meter.hooks)
        with context.begin_transaction(), Operations.context(context):
            upgrade()
        measured = meter.take("r")
    statements = tuple(applied.statements.get("r", ()))
    return PendingRevision("r", before, read_schema(url), statements, measured)


def execute_code(code: str) -> None:
    """Execute the body of an ``upgrade()``."""
    exec(compile(code, "upgrade", "exec"), {"op": op, "sa": sa, "safe": safe})


@dataclass
class Exam:
    """A database with rows that is only read, and the schema for the scratch databases."""

    live: str
    new_scratch: Callable[[], str]
    score: Score = field(default_factory=lambda: Score())  # noqa: PLW0108  (Score is defined below)

    @cached_property
    def before(self) -> Snapshot:
        return read_schema(self.live)

    def hazards(self, upgrade: str) -> tuple[Hazard, ...]:
        pending = rehearse(self.new_scratch(), lambda: execute_code(upgrade), self.before)
        with connect(self.live, "the test") as connection:
            return assess_hazards(connection, [pending], {})


@dataclass
class Score:
    """How many dangers were reported, and how many there were."""

    hard: list[tuple[str, bool]] = field(default_factory=list)
    breaks: list[tuple[str, bool]] = field(default_factory=list)
    harmless: list[tuple[str, bool]] = field(default_factory=list)
    locks: list[tuple[str, bool]] = field(default_factory=list)

    def add(self, case: ExamCase, version: int, hazards: tuple[Hazard, ...]) -> None:
        dangers = case.dangers(version)
        reported = {danger for hazard in hazards for danger in hazard.dangers}
        for danger in sorted(dangers):
            group = self.breaks if danger == "breaks" else self.hard
            if danger != "slower":
                group.append((f"{case.name}: {danger}", danger in reported))
        if not dangers:
            names = ", ".join(hazard.name for hazard in hazards)
            self.harmless.append((f"{case.name}: {names}", bool(hazards)))
        for hazard in hazards:
            expected = case.locks(version).get(hazard.table, "none")
            self.locks.append(
                (f"{case.name}: {hazard.table} {hazard.lock}, not {expected}", hazard.lock == expected)
            )

    def __str__(self) -> str:
        lines = []
        for name, wanted in (("hard", True), ("breaks", True), ("harmless", False), ("locks", True)):
            found = getattr(self, name)
            wrong = [text for text, value in found if value is not wanted]
            lines.append(f"{name}: {len(found) - len(wrong)} of {len(found)} right")
            lines += [f"    {text}" for text in wrong]
        return "\n".join(lines)

    def share(self, name: str) -> float:
        """Return the share of entries of a group that are true."""
        found = getattr(self, name)
        return float(sum(value for _, value in found) / len(found))


def fill(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())
