"""Two projects with two version tables in one database: each has its own rows in the ledger and the journal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.fix_folder import SCRIPT
from tests.rollout.states.project import run_steps
from tests.rollout.states.test_half_done_releases import CHANGED, half_done, write
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from tests.rollout.states.project import States

OWN = '[scope]\nignore = ["public.things", "public.other_version"]\n\n[release]'
OTHERS = '[scope]\nignore = ["public.items", "public.alembic_version"]\n\n[release]'
CONFIG = "other.toml"


def add_other_project(states: States, *, gated: bool = True) -> None:
    """Create a project of its own scripts and version table, with the same database."""
    root = states.workspace.root
    text = (root / "rollout.toml").read_text().replace("[release]", OTHERS)
    states.workspace.edit("rollout.toml", "[release]", OWN)
    text = text.replace('migrations = "db"', 'migrations = "other"\nversion_table = "public.other_version"')
    (root / CONFIG).write_text(text if gated else text.partition("gated = true")[0])
    (root / "other/versions").mkdir(parents=True)
    env = (root / "db/env.py").read_text()
    (root / "other/env.py").write_text(
        env.replace("connection=connection", 'connection=connection, version_table="other_version"')
    )
    up, down = 'op.execute("CREATE TABLE things (a int)")', 'op.execute("DROP TABLE things")'
    script = SCRIPT.format(message="b1", revision="b1", parent=None, up=up, down=down)
    (root / "other/versions/b1.py").write_text(script)


def apply_other(states: States) -> str:
    """Apply the other project's release without Dagster; return the error, or ""."""
    with states.workspace.as_current_project():
        project = Project.load(states.workspace.root / CONFIG)
        try:
            run_steps(project, project.target("prod"), ("apply",))
        except RolloutError as error:
            return str(error)
    return ""


def ends(states: States, *config: str) -> list[str]:
    return [row["end"] for row in json.loads(states.cli(*config, "log", "prod", "--json").out)]


def test_each_project_has_its_own_rows(states: States) -> None:
    add_other_project(states)
    states.migrate()
    assert apply_other(states) == ""
    states.assert_in_step()
    assert (ends(states), ends(states, "--config", CONFIG)) == (["r1"], ["b1"])
    assert states.cli("log", "prod", "--verify").code == 0
    assert states.cli("drift").code == 0


def test_half_done_release_of_one_project_is_continued_after_a_release_of_the_other(states: States) -> None:
    add_other_project(states)
    half_done(states)
    assert apply_other(states) == ""
    write(states, CHANGED)
    states.walk("apply")
    assert states.sql("SELECT id, price FROM items ORDER BY id") == [(1, 6), (2, 7)]


def test_approvals_of_one_project_are_not_those_of_the_other(gated_states: States) -> None:
    """A release of the other project does not make them void, and an environment without a gate is refused."""
    states = gated_states
    add_other_project(states, gated=False)
    states.roll_out()
    assert "rollout.toml has no gate for it" in apply_other(states)
    gate = 'name = "prod"\ngated = true\n\n[environment.approval]\nallowed_signers = "approvers"\nfour_eyes = false'
    states.workspace.edit(CONFIG, 'name = "prod"', gate)
    states.revision("r2", "r1", "ALTER TABLE items ADD COLUMN size int", "ALTER TABLE items DROP COLUMN size")
    assert states.run("apply").code == 3
    assert states.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
    assert apply_other(states) == ""
    assert states.run("apply").code == 0
    assert ends(states) == ["r1", "r2"]
