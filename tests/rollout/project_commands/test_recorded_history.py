"""A history is recorded as it is: downgrades that cannot be used, branches, several heads, and a later base."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.release.release import format_position
from wish_rollout.rollout.project_commands.revision_generation import add_records
from wish_rollout.rollout.replay.replay import read_position

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

SCRIPT = """
import sqlalchemy as sa
from alembic import op
from datetime import datetime

revision = "{name}"
down_revision = {parents!r}
depends_on = {depends!r}
branch_labels = {labels!r}


def upgrade():
    {up}


{down}
"""
DOWNGRADES = {
    "a1": (
        "op.execute('CREATE TABLE a (id int PRIMARY KEY, label text, last int)')",
        "op.drop_table('a')",
        "",
    ),
    "a2": (
        "op.create_foreign_key(None, 'a', 'a', ['last'], ['id'])",
        "op.drop_constraint(None, 'a', type_='foreignkey')",
        "its downgrade() raises",
    ),
    "a3": (
        "op.execute('ALTER TABLE a ADD c int')",
        "raise NotImplementedError('no way back')",
        "no way back",
    ),
    "a4": ("op.execute('ALTER TABLE a ADD d int')", "pass", "its downgrade() is empty"),
    "a5": ("op.execute('ALTER TABLE a ADD e int')", None, "the script has no downgrade()"),
    "a6": (
        "op.drop_column('a', 'label')",
        "op.add_column('a', sa.Column('label', sa.Integer))",
        "does not lead back: changed column public.a.label",
    ),
    "a7": (
        "op.create_index('a_e', 'a', ['e'], postgresql_concurrently=True)",
        "op.drop_index('a_e', 'a', postgresql_concurrently=True)",
        "",
    ),
    "a8": (
        "op.create_index('a_d', 'a', ['d'], postgresql_concurrently=True)",
        "op.drop_index('a_d', 'a', postgresql_concurrently=True)\n        op.execute('SELECT 1/0')",
        "division by zero",
    ),
    "a9": ("op.execute('ALTER TABLE a ADD f int')", "op.drop_column('a', 'f')", ""),
}


def write(
    workspace: Workspace,
    name: str,
    parents: str | tuple[str, ...] | None,
    up: str,
    down: str | None = "pass",
    depends: str | None = None,
    labels: str | None = None,
) -> Path:
    """Write a revision; statements of concurrent builds go into an autocommit block."""
    up, down = str(in_autocommit(up)), in_autocommit(down)
    text = f"def downgrade():\n    {down}" if down is not None else ""
    path = workspace.root / "migrations/versions" / f"{name}.py"
    path.write_text(
        SCRIPT.format(name=name, parents=parents, up=up, down=text, depends=depends, labels=labels)
    )
    return path


def in_autocommit(text: str | None) -> str | None:
    if text is None or "concurrently" not in text:
        return text
    return f"with op.get_context().autocommit_block():\n        {text}"


@pytest.fixture
def empty(workspace: Workspace) -> Workspace:
    """A project without revisions and models."""
    for path in (workspace.root / "migrations").glob("versions/*.py"):
        path.unlink()
    for path in (workspace.root / "migrations/meta").iterdir():
        path.unlink()
    workspace.edit("rollout.toml", 'models = "migrations.schema:metadata"', "")
    return workspace


def recorded(workspace: Workspace, name: str) -> dict[str, object]:
    content: dict[str, object] = json.loads(
        (workspace.root / f"migrations/meta/{name}_delta.json").read_text()
    )
    return content


def assert_as_replayed(workspace: Workspace, *positions: tuple[str, ...]) -> None:
    """The promise of each position is what a replay of just that position leads to."""
    with workspace.as_current_project():
        project = workspace.project
        for position in positions:
            promised, replayed = project.history.at(position), read_position(project, position)
            assert promised.fingerprint == replayed.fingerprint, format_position(position)


def test_downgrades_that_cannot_be_used_are_recorded_and_refused(empty: Workspace) -> None:
    parent = None
    for name, (up, down, _) in DOWNGRADES.items():
        write(empty, name, parent, up, down)
        parent = name
    made = empty.cli("generate", "--record")
    assert made.code == 0, made
    for name, (_, _, reason) in DOWNGRADES.items():
        found = recorded(empty, name).get("irreversible", "")
        assert (reason in str(found)) if reason else (found == ""), (name, found)
    assert_as_replayed(empty, *((name,) for name in DOWNGRADES))

    checked = empty.cli("check")
    assert (checked.code, "6 recorded revisions cannot be rolled back" in checked.out) == (0, True), checked
    empty.migrate("local")
    assert empty.cli("rollback", "local").code == 0
    message = empty.expect_error(6, "rollback", "local", "--to", "a7")
    assert "a8, which cannot be reverted: its downgrade() raises DivisionByZero" in message
    empty.migrate("local")

    write(empty, "b1", "a9", "op.execute('ALTER TABLE a ADD g int')", "pass")
    assert empty.cli("generate", "--record").code == 0
    failed = empty.cli("check")
    assert (failed.code, "b1: its downgrade() is empty" in failed.out) == (5, True), failed
    assert empty.cli("generate", "--record", "--as-is").code == 0
    assert empty.cli("check").code == 0


ENV_MAKES = "connection.execute(sa.text('CREATE SCHEMA IF NOT EXISTS app'))"


@pytest.mark.parametrize(
    ("before", "made"),
    [
        ("    context.configure(", f"    {ENV_MAKES}\n"),
        ("    context.configure(", f"    {ENV_MAKES}\n    connection.commit()\n"),
        ("        context.run_migrations()", f"        {ENV_MAKES}\n"),
    ],
    ids=["before configure()", "committed", "in the transaction"],
)
def test_what_env_py_makes_is_recorded_with_the_first_revision(
    empty: Workspace, before: str, made: str
) -> None:
    empty.edit("migrations/env.py", before, made + before)
    write(empty, "r1", None, "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    write(empty, "r2", "r1", "op.execute('ALTER TABLE a ADD b int')", "op.drop_column('a', 'b')")
    write(empty, "s1", None, "op.execute('CREATE TABLE app.s (id int)')", "op.drop_table('s', schema='app')")
    write(empty, "m1", ("r2", "s1"), "pass", "pass")
    recording = empty.cli("generate", "--record")
    assert recording.code == 0, recording
    found = {name: recorded(empty, name) for name in ("r1", "r2", "s1", "m1")}
    assert ["schema" in dict(each["changes"]) for each in found.values()] == [True, False, True, False]  # type: ignore[call-overload]
    kept = "env.py itself has added schema app, which no downgrade() takes back"
    assert [found[name].get("irreversible") for name in ("r1", "r2", "s1")] == [kept, None, kept]
    assert_as_replayed(empty, (), ("r1",), ("r2",), ("s1",), ("r2", "s1"), ("m1",))
    empty.migrate("local")
    assert empty.cli("drift", "local").code == 0


def test_branches_merges_and_dependencies_are_recorded_exactly(empty: Workspace) -> None:
    """Expand and contract branches with rows of the present time, merged: the plan stays the same."""
    write(
        empty, "r1", None, "op.execute('CREATE TABLE a (id int PRIMARY KEY, at text)')", "op.drop_table('a')"
    )
    stamp = 'op.execute(sa.text("INSERT INTO a VALUES ({}, :at)").bindparams(at=str(datetime.now())))'
    for branch, column in (("e", "x"), ("c", "y")):
        add, drop = (
            f"op.execute('ALTER TABLE a ADD {column}{{}} int')",
            f"op.drop_column('a', '{column}{{}}')",
        )
        write(empty, f"{branch}1", "r1", add.format(1), drop.format(1))
        depends = "e1" if branch == "c" else None
        write(empty, f"{branch}2", f"{branch}1", add.format(2), drop.format(2), depends)
        write(empty, f"{branch}3", f"{branch}2", stamp.format(ord(column)), "op.execute('DELETE FROM a')")
        empty.edit(
            f"migrations/versions/{branch}3.py",
            "\n\n\ndef upgrade",
            '\ndata_dependent = "the time"\n\n\ndef upgrade',
        )
    write(empty, "m1", ("e3", "c3"), "op.execute('ALTER TABLE a ADD z int')", "op.drop_column('a', 'z')")
    write(empty, "z1", "m1", "op.execute('ALTER TABLE a ADD w int')", "op.drop_column('a', 'w')")

    for recording in (False, True):
        if recording:
            assert empty.cli("generate", "--record").code == 0
        first, second = (empty.cli("plan", "--json") for _ in range(2))
        assert first.code == 0, first
        assert json.loads(first.out)["digest"] == json.loads(second.out)["digest"]
    assert_as_replayed(empty, (), ("e2",), ("c1",), ("c2",), ("c3", "e3"), ("c1", "e2"), ("m1",), ("z1",))
    assert empty.cli("check").code == 0
    empty.roll_out()
    empty.assert_plan_is_empty()
    assert empty.cli("rollback", "local").code == 0


def test_several_heads_by_design_and_a_later_base(empty: Workspace) -> None:
    write(empty, "r1", None, "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    write(
        empty, "x1", "r1", "op.execute('ALTER TABLE a ADD x int')", "op.drop_column('a', 'x')", labels="left"
    )
    write(empty, "y1", None, "op.execute('CREATE TABLE b (id int)')", "op.drop_table('b')", labels="right")
    assert '[release] heads = ["heads"]' in empty.expect_error(2, "plan")
    for heads in ('["heads"]', '["left@head", "right@head"]'):
        text = (empty.root / "rollout.toml").read_text()
        (empty.root / "rollout.toml").write_text(text.replace("[release]", f"[release]\nheads = {heads}", 1))
        assert empty.cli("generate", "--record").code == 0
        assert json.loads(empty.cli("plan", "--json").out)["head"] == ["x1", "y1"]
        if heads == '["heads"]':
            (empty.root / "rollout.toml").write_text(text)
    empty.roll_out()
    empty.assert_plan_is_empty()
    assert empty.cli("check").code == 0

    write(empty, "x2", "x1", "op.execute('ALTER TABLE a ADD y int')", "op.drop_column('a', 'y')")
    empty.edit("rollout.toml", '["left@head", "right@head"]', '["left@head"]')
    assert empty.cli("generate", "--record", "--from", "x1").code == 0
    assert sorted(path.name for path in (empty.root / "migrations/meta").iterdir()) == [
        "_code.json",
        "_journal.json",
        "base_snapshot.json",
        "x2_delta.json",
        "x2_measurements.json",
    ]
    assert_as_replayed(empty, (), ("r1",), ("x1",), ("x2",))
    assert empty.cli("check").code == 0


def test_another_base_after_the_start_of_the_record(empty: Workspace) -> None:
    """It begins with an empty schema, whatever the record begins with."""
    write(empty, "r1", None, "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    write(empty, "r2", "r1", "op.execute('ALTER TABLE a ADD x int')", "op.drop_column('a', 'x')")
    write(empty, "y1", None, "op.execute('CREATE TABLE b (id int)')", "op.drop_table('b')")
    write(empty, "m1", ("r2", "y1"), "op.execute('ALTER TABLE b ADD y int')", "op.drop_column('b', 'y')")
    assert empty.cli("generate", "--record", "--from", "r1").code == 0
    assert_as_replayed(empty, (), ("r1",), ("r2",), ("y1",), ("r2", "y1"), ("m1",))
    assert empty.cli("check").code == 0


SECRET = "COMMENT ON TABLE a IS 'postgresql://reader:hunter2@host/app'"
"""A statement that is recorded without its password."""


@pytest.mark.parametrize("statement", ["ALTER TABLE a ADD x int", SECRET])
def test_only_new_revisions_are_recorded(empty: Workspace, statement: str) -> None:
    """The others are executed as recorded; by their scripts where the recorded statements lead elsewhere."""
    write(empty, "r1", None, "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    index = "op.create_index('a_id', 'a', ['id'], postgresql_concurrently=True)"
    write(empty, "r2", "r1", index, "op.drop_index('a_id', 'a', postgresql_concurrently=True)")
    write(empty, "r3", "r2", f"op.execute({statement!r})", "pass")
    assert empty.cli("generate", "--record", "--as-is").code == 0
    kept = empty.root / "migrations/meta/r1_measurements.json"
    kept.write_text("not measured again")

    write(empty, "r4", "r3", "op.execute('ALTER TABLE a ADD z int')", "op.drop_column('a', 'z')")
    with empty.as_current_project():
        add_records(empty.project)
    assert kept.read_text() == "not measured again"
    assert recorded(empty, "r4")["parent"] == "r3"
    assert_as_replayed(empty, ("r1",), ("r3",), ("r4",))
    assert empty.cli("check").code == 0


def test_old_revisions_are_checked_as_recorded(empty: Workspace) -> None:
    """The newest ones are replayed, all others only on request or where a file that they use has changed."""
    write(empty, "r01", None, "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    for number in range(2, 26):
        column = f"c{number}"
        up, down = f"op.execute('ALTER TABLE a ADD {column} int')", f"op.drop_column('a', '{column}')"
        write(empty, f"r{number:02}", f"r{number - 1:02}", up, down)
    assert empty.cli("generate", "--record").code == 0
    part, every = empty.cli("check"), empty.cli("check", "--all")
    assert (part.code, "the newest 20 scripts reproduce" in part.out) == (0, True), part
    assert (every.code, "every recorded snapshot is reproduced" in every.out) == (0, True), every
    env = empty.root / "migrations/env.py"
    env.write_text(env.read_text() + "\n")
    assert "every recorded snapshot is reproduced" in empty.cli("check").out


def test_a_release_without_revisions_is_refused_beside_a_database_that_has_some(empty: Workspace) -> None:
    write(empty, "r1", None, "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    empty.migrate("local")
    (empty.root / "migrations/versions/r1.py").unlink()
    message = empty.expect_error(6, "apply")
    assert "r1" in message


def test_a_slow_replay_shows_the_revision(empty: Workspace) -> None:
    write(empty, "r1", None, "import time; time.sleep(1)", "pass")
    write(empty, "r2", "r1", "op.execute('CREATE TABLE a (id int)')", "op.drop_table('a')")
    made = empty.cli("plan")
    assert (made.code, "replay: revision r1 (1 of 2)" in made.err) == (0, True), made


def test_two_branches_from_an_old_revision_that_are_merged_by_dependencies(empty: Workspace) -> None:
    """As OpenStack has them: each revision of the branch contract depends on one of the branch expand."""
    write(empty, "a1", None, "op.execute('CREATE TABLE a (id int)')")
    expand = contract = "a1"
    for number in range(1, 12):
        expand, before = f"e{number}", expand
        write(empty, expand, before, f"op.execute('ALTER TABLE a ADD e{number} int')")
        contract, before = f"f{number}", contract
        write(empty, contract, before, f"op.execute('CREATE TABLE f{number} (id int)')", depends=expand)
    assert empty.cli("generate", "--record").code == 0
    answer = empty.cli("check")
    assert "ok    replay: the newest 22 scripts" in answer.out, answer
