"""A rollback of a database with several heads takes back one branch, as ``alembic downgrade`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.project import run_steps
from wish_rollout.core.errors.planning.rollbacks import AmbiguousRollback, InvalidRollbackTarget

if TYPE_CHECKING:
    from tests.rollout.states.project import States


@pytest.fixture
def branches(states: States) -> States:
    """Two branches with two revisions each, which prod has; each revision of the other branch keeps a row."""
    states.workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]')
    states.revision("r2", "r1", "ALTER TABLE items ADD COLUMN size int", "ALTER TABLE items DROP COLUMN size")
    states.revision("a1", None, "CREATE TABLE other (a int PRIMARY KEY)", "DROP TABLE other")
    states.revision("a2", "a1", "ALTER TABLE other ADD COLUMN b int", "ALTER TABLE other DROP COLUMN b")
    states.roll_out()
    states.sql("INSERT INTO other VALUES (1, 2)")
    return states


def rollback(states: States, to: str | None = None) -> set[str]:
    """Roll prod back; return the rows of its version table."""
    with states.workspace.as_current_project():
        project = states.workspace.project
        run_steps(project, project.target("prod"), ("rollback", *(("--to", to) if to else ())))
    return {str(row[0]) for row in states.sql("SELECT version_num FROM alembic_version")}


@pytest.mark.parametrize(("to", "left"), [("r1", {"r1", "a2"}), ("a1", {"a1", "r2"})])
def test_only_what_follows_the_named_revision_is_taken_back(
    branches: States, to: str, left: set[str]
) -> None:
    plan = branches.cli("plan", "prod", "--rollback", "--to", to)
    assert plan.code == 0, plan
    assert rollback(branches, to) == left
    assert branches.cli("drift").code == 0
    assert branches.sql("SELECT a FROM other") == [(1,)]
    branches.roll_out()
    assert rollback(branches, "a1 + r1") == {"a1", "r1"}
    assert rollback(branches, "base") == set()


def test_rollback_without_a_target_names_the_choices(branches: States) -> None:
    with pytest.raises(AmbiguousRollback, match="a2 \\+ r2") as raised:
        rollback(branches)
    assert "--to" in raised.value.hint
    with pytest.raises(InvalidRollbackTarget):
        rollback(branches, "a1 + a2")


def test_branches_of_one_base_are_taken_back_one_by_one(states: States) -> None:
    states.workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]')
    states.revision("a2", "r1", "CREATE TABLE a (id int)", "DROP TABLE a")
    states.revision("a3", "a2", "CREATE TABLE more (id int)", "DROP TABLE more")
    states.revision("b2", "r1", "CREATE TABLE b (id int)", "DROP TABLE b")
    states.roll_out()
    assert rollback(states, "a2") == {"a2", "b2"}
    states.roll_out()
    assert rollback(states, "r1") == {"r1"}
    assert states.sql("SELECT to_regclass('a'), to_regclass('b')") == [(None, None)]
