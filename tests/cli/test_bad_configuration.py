"""A call, a rollout.toml, scripts or records that cannot be used: exit 2, and nothing was touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Road

HEAD = '"""another"""\nrevision = "{0}"\ndown_revision = "0007"\ndef upgrade(): pass\ndef downgrade(): pass\n'


@pytest.mark.parametrize(
    "command",
    [
        ("apply", "--until", "nowhere"),
        ("apply", "--adopt", "nowhere"),
        ("apply", "--clean", "nowhere"),
        ("approve", "nowhere", "--reason", "x"),
        ("verify", "nowhere"),
        ("drift", "nowhere"),
        ("rollback", "nowhere"),
    ],
)
def test_an_unknown_environment_is_told_the_known_ones(road: Road, command: tuple[str, ...]) -> None:
    told = road.told(2, *command)
    assert "There is no environment named 'nowhere'" in told
    assert "local, staging, prod" in told


def test_an_approval_for_an_environment_without_a_gate_is_a_mistake(road: Road) -> None:
    assert "'staging' needs no approval" in road.told(2, "approve", "staging", "--reason", "x", "--yes")


def test_an_approval_is_never_given_by_silence(road: Road) -> None:
    assert road.cli("apply").code == 3
    assert "hint: say it on the command line: --yes" in road.told(2, "approve", "prod", "--reason", "x")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[release]", "[release", "rollout.toml cannot be used"),
        ("gated = true", "gate = true", "no key 'gate' in environment.'prod'"),
        ("gated = true", 'gated = "perhaps"', "environment.'prod'.gated"),
        ("gated = true", "gated = true\ndisposable = true", "either gated or disposable"),
        ('name = "prod"', 'name = "local"', "declared more than once"),
        ('name = "prod"', 'name = "Prod; drop"', "environment.'Prod; drop'.name"),
        ("[[environment]]", "[[surroundings]]", "surroundings"),
    ],
)
def test_a_broken_configuration_names_what_is_wrong(road: Road, old: str, new: str, says: str) -> None:
    road.edit("rollout.toml", old, new)
    assert says in road.told(2, "apply")


def test_a_configuration_that_is_no_text_or_not_there(road: Road, tmp_path: Path) -> None:
    path = road.root / "rollout.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "rollout.toml cannot be used" in road.told(2, "status")
    path.unlink()
    assert "There is no rollout.toml" in road.told(2, "status")
    assert "No such file" in road.told(2, "--config", "elsewhere.toml", "status")


def test_two_heads_are_told_with_the_way_to_join_them(road: Road) -> None:
    for name in ("0008", "0009"):
        (road.root / f"migrations/versions/{name}.py").write_text(HEAD.format(name))
    for command in (("apply",), ("plan",), ("generate", "-m", "more")):
        assert "alembic merge -m 'merge' 0008 0009" in road.told(2, *command)


def test_a_script_that_cannot_be_imported_is_named(road: Road) -> None:
    (road.root / "migrations/versions/0008.py").write_text("def upgrade(:\n")
    told = road.told(2, "apply")
    assert "cannot be read: SyntaxError: invalid syntax (0008.py, line 1)" in told
    assert "hint: mend that script" in told
    (road.root / "migrations/versions/0008.py").write_text(HEAD.format("0008").replace("0007", "0042"))
    assert "Revision 0042 referenced from" in road.told(2, "apply")
    (road.root / "migrations/versions/0008.py").write_text("1 / 0\n")
    assert "ZeroDivisionError: division by zero (0008.py, line 1)" in road.told(2, "apply")
    (road.root / "migrations/versions/0008.py").unlink()
    road.edit("migrations/schema.py", "metadata = sa.MetaData()", "metadata = sa.MetaData(nosuch=1)")
    assert "TypeError" in road.told(2, "generate", "-m", "more")


def test_scripts_that_are_not_there(road: Road) -> None:
    road.edit("rollout.toml", 'migrations = "migrations"', 'migrations = "nowhere"')
    assert "there is no env.py in it" in road.told(2, "plan")


@pytest.mark.parametrize(
    "content", [None, b"", b'{"format": "wish-rollout/snapshot", "vers', b"[]", b"\xff\xff"]
)
def test_a_snapshot_file_that_is_missing_or_cut_short(road: Road, content: bytes | None) -> None:
    file = road.root / "saved.json"
    if content is not None:
        file.write_bytes(content)
    assert f"The snapshot file {file} cannot be read" in road.told(2, "diff", "local", str(file))


@pytest.mark.parametrize("file", ["0007_snapshot.json", "0007_statements.json", "_journal.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_record_that_is_missing_or_cut_short(road: Road, file: str, damage: str) -> None:
    path = road.root / "migrations/meta" / file
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    if (file, damage) == ("_journal.json", "missing"):
        assert road.cli("plan").code == 0  # a project that records nothing is replayed instead
        return
    told = road.told(2, "apply")
    assert file in told
    assert "wish-rollout generate --record" in told


def test_a_misspelt_key_is_told_by_its_environments_name_and_with_the_one_that_was_meant(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposible = true", 1)
    assert "there is no key 'disposible' in environment.'local'; did you mean disposable?" in road.told(
        2, "plan"
    )


def test_init_writes_nothing_where_no_project_begins(road: Road) -> None:
    folder = road.root / "empty"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(road, "root", folder)
        assert "no Alembic project begins" in road.told(2, "init")
    assert list(folder.iterdir()) == []
