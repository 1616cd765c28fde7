"""Commands on a fleet: invalid lists and waves, groups of equal targets, rollbacks, and what is refused."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import REPOSITORY
from wish_rollout.cli import output
from wish_rollout.cli.fleet_signing import show_groups
from wish_rollout.core.approval.wave_plan import WavePlan
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet

LIST = 'targets = { file = "tenants.txt" }'
DRIFT = "create table by_hand (id integer)"


@pytest.mark.parametrize(
    ("targets", "text", "message"),
    [
        (LIST, "", "The list of targets of 'tenants' from the file tenants.txt is empty"),
        (LIST, "# none\n\n", "is empty"),
        (LIST, "a\nb\na\n", "contains 'a' more than once"),
        (LIST, "a\nb region\n", "The target in line 2 of 'tenants' cannot be used"),
        (LIST, '{"name": "a", "url": "postgresql://u@h/x"}\n{"name": "b", "url": "postgresql://v@h/x"}', "are the same"),
        ('targets = { file = "gone.txt" }', "", "from the file gone.txt: No such file"),
        ('targets = { command = "false" }', "", "from the command false: its exit code is 1"),
        ('targets = { command = ["printf", "a\\nb\\na"] }', "", "contains 'a' more than once"),
        ('targets = { command = "no-such-program" }', "", "No such file"),
        ('targets = { command = ["printf", "a\\\\377"] }', "", "from the command printf: its output is not UTF-8 text"),
        ('targets = { command = "yes" }', "", "from the command yes: its output has more than 32 MiB"),
        ('targets = { query = "select 1 as id", url_variable = "LOCAL_DATABASE_URL" }', "", "no column 'name'"),
        ('targets = { query = "selec", url_variable = "LOCAL_DATABASE_URL" }', "", "syntax error"),
        ('targets = { query = "select 1", url_variable = "UNSET_URL" }', "", "UNSET_URL is not set"),
        (
            """targets = { query = "create table x (name text)", url_variable = "LOCAL_DATABASE_URL" }""",
            "",
            "syntax error",
        ),
        (
            """targets = { query = "select lo_create(0) as name", url_variable = "LOCAL_DATABASE_URL" }""",
            "",
            "read-only transaction",
        ),
        (f'{LIST}\nurl_variable = "LOCAL_DATABASE_URL"', "a\n", "has no place for the name of a target"),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_used_is_an_error(fleet: Fleet, targets: str, text: str, message: str) -> None:
    fleet.workspace.edit("rollout.toml", LIST, targets)
    (fleet.root / "tenants.txt").write_text(text)

    assert message in fleet.workspace.expect_error(2, "status", "tenants")


@pytest.mark.parametrize(
    ("waves", "message"),
    [
        ('[[environment.wave]]\nmatch = "x*"\n[[environment.wave]]\nrest = true', "The wave '1' of 'tenants' contains"),
        ('[[environment.wave]]\nmatch = "*"\n[[environment.wave]]\nwhere = "name = \'a\'"', "waves '1' and '2'"),
        ('[[environment.wave]]\nmatch = "a"', "1 targets of 'tenants' belong to no wave, 'b' among them"),
        ('[[environment.wave]]\nwhere = "name ~ \'a\'"', "it cannot be read from character"),
        ('[[environment.wave]]\nrest = true\nmax_failures = "many"', "neither a number nor a percentage"),
        ("[[environment.wave]]\nrest = true\npercent = 5", "give match or where, or percent, or rest"),
        ("[[environment.wave]]\nrest = true\ngate = false", "gate is given for a wave of a fleet that is not gated"),
        ("disposable = true", "a fleet cannot be disposable"),
    ],
)  # fmt: skip
def test_waves_that_cannot_be_used_are_an_error(fleet: Fleet, waves: str, message: str) -> None:
    (fleet.root / "tenants.txt").write_text("a\nb\n")
    fleet.configure(waves)

    assert message in fleet.workspace.expect_error(2, "plan", "tenants")


def test_a_query_gives_names_urls_and_attributes(fleet: Fleet) -> None:
    fleet.workspace.sql("local", "create table customers (key text, region text)")
    fleet.workspace.sql("local", "insert into customers values ('a', 'eu'), ('b', null)")
    query = "select key as name, region from customers order by key"
    fleet.workspace.edit(
        "rollout.toml", LIST, f'targets = {{ query = "{query}", url_variable = "LOCAL_DATABASE_URL" }}'
    )

    assert [(each.name, dict(each.listed.attributes)) for each in fleet.targets] == [
        ("a", {"region": "eu"}),
        ("b", {}),
    ]


def test_equal_targets_are_shown_in_groups(fleet: Fleet) -> None:
    fleet.add("a", "b", "c", "d")
    fleet.sql("b", DRIFT)
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write("gone\n")

    status = fleet.workspace.cli("status", "tenants", "--json")
    drift = fleet.workspace.cli("drift", "tenants")
    plan = fleet.workspace.cli("plan", "tenants")

    (found,) = json.loads(status.out)["fleets"]
    groups = [(group["verdict"], group["targets"]) for group in found["groups"]]
    assert groups == [("behind", ["a", "c", "d"]), ("drifted", ["b"]), ("unreachable", ["gone"])]
    assert [group["delta"] is not None for group in found["groups"]] == [False, True, False]
    assert (status.code, drift.code, plan.code) == (1, 4, 4)
    assert "tenants: 3 equal, 2 others in 2 groups" in drift.out
    assert "from the largest group to b:\n+ table public.by_hand" in drift.out
    assert "3 of 5: migrate 0006 → 0007 (a, c, d)" in plan.out
    assert "cannot be executed: 'tenants/b' is at revision 0006, but its schema is not" in plan.out


def test_one_target_is_used_like_an_environment(fleet: Fleet) -> None:
    fleet.add("a", "b")
    fleet.sql("b", DRIFT)

    assert "tenants/b    drifted" in fleet.workspace.cli("status", "tenants/b").out
    assert "DROP TABLE" in fleet.workspace.cli("drift", "tenants/b", "--sql", "--lossy").out
    assert fleet.workspace.cli("diff", "tenants/a", "tenants/b").code == 4
    message = fleet.workspace.expect_error(2, "status", "tenants/gone")
    assert "'tenants' has no target named 'gone'" in message


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (("verify", "tenants"), "'tenants' is a fleet of databases, and this command works on one"),
        (("rollback", "tenants"), "'tenants' is a fleet of databases, and this command works on one"),
        (("drift", "tenants", "--sql"), "'tenants' is a fleet of databases, and this command works on one"),
        (("snapshot", "tenants"), "'tenants' is a fleet of databases, and this command works on one"),
        (("verify", "tenants/a"), "The command verify does not support 'tenants/a'"),
        (("apply", "--until", "tenants/a"), "There is no environment named 'tenants/a'"),
        (("rollback", "tenants", "--target", "x", "--to", "0006"), "'tenants' has no target named 'x'"),
        (("rollback", "tenants", "--wave", "x", "--to", "0006"), "'tenants' has no wave named 'x'"),
        (("rollback", "local", "--target", "x", "--to", "0006"), "'local' is not a fleet"),
        (
            ("rollback", "tenants", "--target", "a", "--to", "9999"),
            "There is no revision '9999' in this release",
        ),
    ],
)
def test_a_command_that_does_not_support_a_fleet_says_so(
    fleet: Fleet, command: tuple[str, ...], error: str
) -> None:
    (fleet.root / "tenants.txt").write_text("a\n")

    assert error in fleet.workspace.expect_error(2, *command)


def test_a_name_is_no_markup_of_the_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)

    with output.progress("reading") as report:
        report("tenants/[/a] is tried again")


def test_the_sandbox_leaves_a_fleet_out(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    (fleet.root / "tenants.txt").write_text("a\n")
    monkeypatch.setenv("WISH_ROLLOUT_SANDBOX", "1")

    assert fleet.workspace.project.config.fleets == ()
    assert "the sandbox has none for its targets" in fleet.workspace.expect_error(2, "status", "tenants")


def test_names_in_a_request_cannot_add_lines_to_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    plan = WavePlan("wave a\nwave b", {}, ("x\n997 targets: all",))

    show_groups(Project.load(REPOSITORY / "rollout.toml"), plan, [], {})

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("could not be planned: x\\n997 targets: all")
