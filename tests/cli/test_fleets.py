"""Commands on a fleet: invalid lists and waves, groups of equal targets, rollbacks, and what is refused."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from tests.fix_fleet import HEAD
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


@pytest.mark.parametrize("command", ["status", "drift"])
def test_other_environments_are_shown_if_a_list_cannot_be_read(fleet: Fleet, command: str) -> None:
    fleet.workspace.edit("rollout.toml", LIST, 'targets = { command = "false" }')

    result = fleet.workspace.cli(command)
    document = json.loads(fleet.workspace.cli(command, "--json").out)

    assert result.code == 1
    assert "local" in result.out
    assert "tenants: no target was read: The list of targets of 'tenants' could not be read" in result.out
    (found,) = document["fleets"]
    assert (found["targets"], "its exit code is 1" in found["error"]) == (0, True)


def test_a_plan_names_targets_with_one_database(fleet: Fleet) -> None:
    fleet.add("a")
    other = {"name": "alias", "url": fleet.url("a").replace("127.0.0.1", "localhost")}
    with (fleet.root / "tenants.txt").open("a") as file:
        file.write(json.dumps(other) + "\n")

    plan = fleet.workspace.cli("plan", "tenants")

    assert "cannot be executed: The targets 'alias' and 'a' of 'tenants' are the same database." in plan.out
    assert plan.code == 2


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


def test_targets_and_a_wave_are_not_named_together(fleet: Fleet) -> None:
    (fleet.root / "tenants.txt").write_text("a\n")

    result = fleet.workspace.cli("rollback", "tenants/a", "--wave", "all", "--to", "0006")

    assert result.code == 2
    assert "not both" in result.err


def test_a_target_and_a_wave_are_rolled_back(fleet: Fleet) -> None:
    fleet.add("canary-1", "canary-2", "a")
    fleet.configure(
        '[[environment.wave]]\nname = "canary"\nmatch = "canary-*"\n\n[[environment.wave]]\nrest = true\n'
    )
    assert fleet.workspace.cli("apply").code == 0

    one = fleet.workspace.cli("rollback", "tenants/canary-1", "--to", "0006")
    wave = fleet.workspace.cli("rollback", "tenants", "--wave", "canary", "--to", "0006")

    assert (one.code, one.out) == (0, "1 targets of tenants are at 0006, verified\n")
    assert (wave.code, wave.out) == (0, "2 targets of tenants are at 0006, verified\n")
    assert fleet.revisions() == {"canary-1": "0006", "canary-2": "0006", "a": HEAD}
    assert [act for act, _ in fleet.acts("canary-1")] == ["upgrade", "rollback"]
    again = fleet.workspace.cli("apply", "--restore")
    assert (again.code, "wish-rollout restore tenants/TARGET" in again.err) == (0, True)


def test_the_schema_of_one_target_is_adopted(fleet: Fleet) -> None:
    fleet.add("a", "b")
    fleet.configure("\n[[environment.wave]]\nrest = true\nmax_failures = 2\n")
    assert fleet.workspace.cli("apply").code == 0
    for name in ("a", "b"):
        fleet.sql(name, "drop table alembic_version; drop schema wish_rollout cascade")

    apply = fleet.workspace.cli("apply", "--adopt", "tenants/b")

    assert "1 of 2 targets of 'tenants' failed" in apply.err
    assert fleet.revisions() == {"a": None, "b": HEAD}
    assert [act for act, _ in fleet.acts("b")] == ["adopt"]


@pytest.mark.parametrize(
    ("option", "name", "gated", "code", "error"),
    [
        ("--adopt", "tenants/x", False, 2, "'tenants' has no target named 'x'"),
        ("--replan", "tenants/a", True, 6, "--replan cannot name 'tenants/a', which is a target of a gated fleet"),
        ("--clean", "tenants/a", False, 6, "'tenants' is a fleet, and no target of a fleet is cleaned"),
    ],
)  # fmt: skip
def test_a_choice_for_one_target_is_never_ignored(
    fleet: Fleet, option: str, name: str, gated: bool, code: int, error: str
) -> None:
    fleet.add("a")
    if gated:
        fleet.configure(
            'gated = true\n[environment.approval]\nallowed_signers = "approvers"\nfour_eyes = false\n'
        )

    assert error in fleet.workspace.expect_error(code, "apply", option, name)
    assert fleet.revisions() == {"a": "0006"}


def test_all_targets_that_have_failed_are_listed(fleet: Fleet) -> None:
    fleet.add("a", "b", "c", "d")
    fleet.configure("\n[[environment.wave]]\nrest = true\nmax_failures = 1\n")
    for name in ("a", "b"):
        fleet.sql(name, DRIFT)

    apply = fleet.workspace.cli("apply")

    rows = [line.split()[:5] for line in apply.out.splitlines()]
    assert ["2", "SchemaDrifted", "a,", "b", "'tenants/a'"] in rows
    assert ["2", "-", "c,", "d", "not"] in rows
    assert "\nSchemaDrifted: see all differences: wish-rollout drift tenants/a;" in apply.out

    assert fleet.workspace.cli("rollback", "tenants", "--target", "a", "--to", "base").code == 1


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
