"""The first revision alters a table that no revision creates, and its downgrade raises: replays begin after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.project import run_steps
from tests.rollout.states.test_base_schema import init
from wish_rollout.core.errors.planning.base_schemas import RollbackBeforeBase
from wish_rollout.rollout.project.continued_record import reliable_record
from wish_rollout.rollout.project.history import History
from wish_rollout.rollout.project_commands.revision_generation import add_records
from wish_rollout.rollout.replay.replay import replay, scratch_at_head

if TYPE_CHECKING:
    from pathlib import Path

    from tests.rollout.states.project import States

TABLE = "CREATE TABLE users (id int PRIMARY KEY, name text)"
UP = "ALTER TABLE users ADD COLUMN age int"
LATER = ("ALTER TABLE users ADD COLUMN size int", "ALTER TABLE users DROP COLUMN size")


def create(states: States, revision: str = "r1", down: str = "SELECT 1/0") -> None:
    """Make prod by ``create_all()`` and ``stamp``; an old downgrade raises."""
    states.revision("r1", None, UP, down)
    states.sql(f"{TABLE}; {UP}; INSERT INTO users VALUES (1, 'first')")
    states.sql("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    states.sql(f"INSERT INTO alembic_version VALUES ('{revision}')")


def base_file(states: States) -> Path:
    return states.workspace.root / "db/meta/base.sql"


def rollback(states: States, to: str | None = None) -> None:
    with states.workspace.as_current_project():
        project = states.workspace.project
        run_steps(project, project.target("prod"), ("rollback", *(("--to", to) if to else ())))


@pytest.mark.parametrize("missing", [False, True], ids=["raises", "missing"])
def test_later_revisions_go_up_and_down_from_the_recorded_one(states: States, missing: bool) -> None:
    create(states)
    if missing:
        path = states.workspace.root / "db/versions/r1.py"
        path.write_text(path.read_text().partition("def downgrade")[0])
    states.revision("r2", "r1", *LATER)
    result = states.cli("init", "--baseline", "prod")
    assert result.code == 0, result.err
    text = base_file(states).read_text()
    assert ("-- revision: r1\n" in text, "age" in text, "size" in text) == (True, True, False), text
    assert "base.sql has the schema of prod at r1" in result.err
    assert "next: wish-rollout drift prod" in result.err
    assert states.cli("check").code == 0
    assert "behind" in states.cli("status").out
    states.roll_out()
    assert states.sql("SELECT name, size FROM users") == [("first", None)]
    rollback(states)
    assert states.sql("SELECT * FROM alembic_version") == [("r1",)]
    for to in (None, "base"):
        with pytest.raises(RollbackBeforeBase, match="recorded history begins at r1"):
            rollback(states, to)
    assert states.sql("SELECT * FROM alembic_version") == [("r1",)]


def test_new_revisions_follow_a_record_that_begins_at_the_head(states: States) -> None:
    """Nothing but the schema at the head is recorded at first, and nothing is replayed for it."""
    create(states)
    init(states)
    assert "in_step" in states.cli("status").out
    check = states.cli("check")
    assert check.code == 0
    assert "replay: no script is after r1, so none was executed" in check.out
    assert "round trip: no downgrade was executed" in check.out
    with states.workspace.as_current_project():
        history = History(states.workspace.project)
        assert history.base == ("r1",)
        assert history.at(("r1",)) == history.meta.snapshot("base")
    states.revision("r2", "r1", *LATER)
    states.revision("r3", "r2", "CREATE TABLE more (id int)", "DROP TABLE more")
    assert "not recorded: r2, r3" in states.cli("check").out
    assert states.cli("generate", "--record").code == 0
    assert states.cli("check", "--all").code == 0
    states.roll_out()


def test_branches_after_it_are_recorded_and_continued(states: States) -> None:
    """By the recorded statements, which begin with base.sql too."""
    create(states)
    states.revision("a2", "r1", "CREATE TABLE a (id int)", "DROP TABLE a")
    states.revision("b2", "r1", "CREATE TABLE b (id int)", "DROP TABLE b")
    states.revision("m3", ("a2", "b2"), "")
    init(states)
    states.revision("r4", "m3", *LATER)
    with states.workspace.as_current_project():
        add_records(states.workspace.project)
        project = states.workspace.project
        assert set(project.history.meta.entries) == {"a2", "b2", "m3", "r4"}
        known = reliable_record(project, project.history.meta)
        assert known is not None
        with scratch_at_head(project, known) as replayer:
            assert replayer.snapshot() == project.history.at(("r4",))
        assert replay(project, ("m3",), recorded=known).records["r4"] == known.records["r4"]
        assert replay(project).records == known.records
    states.roll_out()


def test_without_records_the_release_is_replayed_from_there(states: States) -> None:
    create(states)
    init(states)
    for path in base_file(states).parent.iterdir():
        if path.name != "base.sql":
            path.unlink()
    assert "in_step" in states.cli("status").out
    states.revision("r2", "r1", *LATER)
    states.roll_out()
    rollback(states)


def test_fresh_environment_begins_with_base_sql(states: States) -> None:
    """The old downgrade is empty: it does not lead to a schema from which the upgrade leads back."""
    create(states, down="")
    states.revision("r2", "r1", *LATER)
    init(states)
    states.sql("DROP TABLE users, alembic_version")
    assert "foreign" in states.cli("status").out
    error = states.run("apply")
    assert (error.code, f"psql -f {base_file(states)}" in error.err) == (6, True), error
    states.sql(base_file(states).read_text())
    assert states.sql("SELECT * FROM alembic_version") == [("r1",)]
    states.roll_out()


def test_nothing_is_recorded_if_the_connection_is_lost(states: States) -> None:
    """So that a server that restarts meanwhile does not decide at which revision the history begins."""
    create(states, down="SELECT pg_terminate_backend(pg_backend_pid())")
    states.workspace.expect_error(1, "init", "--baseline", "prod")
    assert not base_file(states).exists()


def test_lost_version_row_is_adopted(states: States) -> None:
    create(states)
    states.revision("r2", "r1", *LATER)
    init(states)
    states.sql("DELETE FROM alembic_version")
    assert states.walk("apply") == ["apply", "apply --adopt prod"]


def test_positions_before_it_are_refused(states: States) -> None:
    """An environment, and a record that is to begin there."""
    states.revision("r0", None, "CREATE TABLE old (id int)")
    create(states)
    states.revision("r1", "r0", UP, "SELECT 1/0")
    states.sql("CREATE TABLE old (id int)")
    init(states)
    states.sql("UPDATE alembic_version SET version_num = 'r0'; ALTER TABLE users DROP COLUMN age")
    assert "foreign" in states.cli("status").out
    assert "r0 is before r1, where the recorded history begins" in states.cli("drift").out
    error = states.run("apply")
    assert (error.code, "alembic upgrade r1" in error.err) == (6, True), error
    assert "'prod' is at r0, and the recorded history begins at r1" in error.err
    assert "The recorded history begins at r1, and r0 is before it." in states.workspace.expect_error(
        6, "generate", "--record", "--from", "r0"
    )


def test_several_heads_by_design_are_recorded_together(states: States) -> None:
    """As Galaxy has them: create_all() and a stamp of both branches, which old downgrades do not lead back from."""
    create(states)
    states.workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]')
    states.revision("b1", None, "CREATE TABLE branch (id int)", "SELECT 1/0")
    states.sql("INSERT INTO alembic_version VALUES ('b1'); CREATE TABLE branch (id int)")
    result = states.cli("init", "--baseline", "prod")
    assert (result.code, "base.sql has the schema of prod at b1 + r1" in result.err) == (0, True), result
    assert "-- revision: b1 + r1\n" in base_file(states).read_text()
    assert states.cli("drift").code == 0
    states.revision(
        "b2", "b1", "ALTER TABLE branch ADD COLUMN size int", "ALTER TABLE branch DROP COLUMN size"
    )
    states.revision("r2", "r1", *LATER)
    assert states.cli("generate", "--record").code == 0
    check = states.cli("check", "--all")
    assert check.code == 0, check.out
    states.roll_out()
    assert set(states.sql("SELECT * FROM alembic_version")) == {("b2",), ("r2",)}
    rollback(states, "b1")
    assert set(states.sql("SELECT * FROM alembic_version")) == {("b1",), ("r2",)}
    assert states.cli("drift").code == 0
    rollback(states, "r1")
    assert set(states.sql("SELECT * FROM alembic_version")) == {("b1",), ("r1",)}
    states.roll_out()
    states.sql("DROP TABLE users, branch, alembic_version")
    states.sql(base_file(states).read_text())
    states.roll_out()


def test_other_branches_are_refused(states: States) -> None:
    """One that is applied, and one that is pending."""
    create(states)
    states.workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]')
    states.revision("b1", None, "CREATE TABLE branch (id int)", "DROP TABLE branch")
    error = states.workspace.expect_error(6, "init", "--baseline", "prod")
    assert "b1 does not come after r1" in error
    assert not base_file(states).exists()
    states.sql("INSERT INTO alembic_version VALUES ('b1'); CREATE TABLE branch (id int)")
    states.revision("m1", ("b1", "r1"), "")
    states.sql("DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('m1')")
    init(states)
    assert "-- revision: m1\n" in base_file(states).read_text()
    states.assert_in_step()


@pytest.mark.parametrize(
    "line", ["-- revision: r9", "-- revision r1", "-- revision: r1 r2", "--revision:r1", "-- Revision: r1"]
)
def test_header_is_read_strictly_and_can_be_recorded_again(states: States, line: str) -> None:
    create(states)
    init(states)
    states.workspace.edit("db/meta/base.sql", "-- revision: r1", line)
    error = states.workspace.expect_error(2, "status")
    assert "base.sql cannot be used" in error
    assert "wish-rollout init --baseline" in error
    init(states)
    assert "-- revision: r1\n" in base_file(states).read_text()
    assert states.cli("status").code == 0
