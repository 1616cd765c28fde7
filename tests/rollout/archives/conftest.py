"""A project with one more revision, whose rollback destroys rows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_project import grant_anything
from wish_rollout.rollout.archives.checksums import add_missing_checksums
from wish_rollout.rollout.archives.restoration import Restoration, restore
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_feasible_rollback
from wish_rollout.rollout.rollback.rollback import rollback_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fix_project import Workspace

SCRIPT = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {revision!r}, {parent!r}, None, None
allow_hazards = {{'column-type-change': 'few rows', 'table-rewrite': 'few rows'}}


def upgrade():
    for statement in {up!r}:
        op.execute(statement)


def downgrade():
    for statement in {down!r}:
        op.execute(statement)
"""


@dataclass
class ArchiveCase:
    """A workspace with the environment ``local``."""

    workspace: Workspace

    def revise(
        self, up: Sequence[str], down: Sequence[str], revision: str = "0008", parent: str = "0007"
    ) -> None:
        """Add a revision with these statements, and migrate to it."""
        text = SCRIPT.format(revision=revision, parent=parent, up=list(up), down=list(down))
        (self.workspace.root / f"migrations/versions/{revision}_case.py").write_text(text)
        self.workspace.migrate("local")

    def rollback(self, to: str | None = None, *, by_remedy: bool = False) -> None:
        """Roll back without Dagster, and verify that the schema is exactly the earlier one."""
        with self.workspace.as_current_project():
            project = self.workspace.project
            target = project.target("local")
            plan = plan_feasible_rollback(project, target, to, by_remedy=True) if by_remedy else None
            planned = plan.signed_fields() if plan else None
            actor = Actor(gatekeeper=grant_anything)
            done = rollback_environment(project, target, to, planned=planned, actor=actor)
            verify_environment(project, target, expected=done.expected).raise_if_failed()
            add_missing_checksums(project, target, "a person")

    def rollback_by_remedy(self) -> None:
        """Roll back by the remedy."""
        self.rollback(by_remedy=True)

    def restore(self, number: int | None = None) -> list[Restoration]:
        """Restore archives."""
        with self.workspace.as_current_project():
            project = self.workspace.project
            return restore(project, project.target("local"), number, "a person")

    def again(self) -> None:
        """Apply the release again."""
        self.workspace.migrate("local")

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute a statement in the environment's database."""
        return self.workspace.sql("local", statement)


def allow_hazards(monkeypatch: pytest.MonkeyPatch, reasons: str) -> None:
    """Let the scripts allow more hazards. ``reasons``: the items of a dictionary, as Python source."""
    begin = "allow_hazards = {{"
    monkeypatch.setattr(sys.modules[__name__], "SCRIPT", SCRIPT.replace(begin, f"{begin}{reasons}, "))


@pytest.fixture
def case(workspace: Workspace) -> ArchiveCase:
    return ArchiveCase(workspace)


@pytest.fixture
def each_case(each_workspace: Workspace) -> ArchiveCase:
    return ArchiveCase(each_workspace)
