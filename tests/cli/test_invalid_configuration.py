"""Invalid arguments, rollout.toml, scripts or recorded schemas: exit 2, and no database is changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

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
def test_error_for_an_unknown_environment_lists_the_declared_ones(
    workspace: Workspace, command: tuple[str, ...]
) -> None:
    message = workspace.expect_error(2, *command)
    assert "There is no environment named 'nowhere'" in message
    assert "local, staging, prod" in message


def test_approve_rejects_an_environment_without_a_gate(workspace: Workspace) -> None:
    assert "'staging' needs no approval" in workspace.expect_error(
        2, "approve", "staging", "--reason", "x", "--yes"
    )


def test_approve_needs_a_confirmation(workspace: Workspace) -> None:
    assert workspace.cli("apply").code == 3
    assert "hint: confirm on the command line: --yes" in workspace.expect_error(
        2, "approve", "prod", "--reason", "x"
    )


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
def test_error_for_an_invalid_configuration_names_the_key(
    workspace: Workspace, old: str, new: str, says: str
) -> None:
    workspace.edit("rollout.toml", old, new)
    assert says in workspace.expect_error(2, "apply")


def test_binary_or_missing_configuration(workspace: Workspace, tmp_path: Path) -> None:
    path = workspace.root / "rollout.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "rollout.toml cannot be used" in workspace.expect_error(2, "status")
    path.unlink()
    assert "There is no rollout.toml" in workspace.expect_error(2, "status")
    assert "No such file" in workspace.expect_error(2, "--config", "elsewhere.toml", "status")


def test_error_for_two_heads_has_the_merge_command(workspace: Workspace) -> None:
    for name in ("0008", "0009"):
        (workspace.root / f"migrations/versions/{name}.py").write_text(HEAD.format(name))
    for command in (("apply",), ("plan",), ("generate", "-m", "more")):
        assert "alembic merge -m 'merge' 0008 0009" in workspace.expect_error(2, *command)


def test_error_for_a_failed_import_names_the_script(workspace: Workspace) -> None:
    (workspace.root / "migrations/versions/0008.py").write_text("def upgrade(:\n")
    message = workspace.expect_error(2, "apply")
    assert "cannot be read: SyntaxError: invalid syntax (0008.py, line 1)" in message
    assert "hint: correct that script" in message
    (workspace.root / "migrations/versions/0008.py").write_text(HEAD.format("0008").replace("0007", "0042"))
    assert "Revision 0042 referenced from" in workspace.expect_error(2, "apply")
    (workspace.root / "migrations/versions/0008.py").write_text("1 / 0\n")
    assert "ZeroDivisionError: division by zero (0008.py, line 1)" in workspace.expect_error(2, "apply")
    (workspace.root / "migrations/versions/0008.py").unlink()
    workspace.edit("migrations/schema.py", "metadata = sa.MetaData()", "metadata = sa.MetaData(nosuch=1)")
    assert "TypeError" in workspace.expect_error(2, "generate", "-m", "more")


def test_missing_script_folder(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", 'migrations = "migrations"', 'migrations = "nowhere"')
    assert "there is no env.py in it" in workspace.expect_error(2, "plan")


@pytest.mark.parametrize(
    "content", [None, b"", b'{"format": "wish-rollout/snapshot", "vers', b"[]", b"\xff\xff"]
)
def test_missing_or_truncated_snapshot_file(workspace: Workspace, content: bytes | None) -> None:
    file = workspace.root / "saved.json"
    if content is not None:
        file.write_bytes(content)
    assert f"The snapshot file {file} cannot be read" in workspace.expect_error(2, "diff", "local", str(file))


@pytest.mark.parametrize("file", ["0007_delta.json", "_journal.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_missing_or_truncated_recorded_schema(workspace: Workspace, file: str, damage: str) -> None:
    path = workspace.root / "migrations/meta" / file
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    if (file, damage) == ("_journal.json", "missing"):
        assert workspace.cli("plan").code == 0  # without recorded schemas the revisions are replayed
        return
    message = workspace.expect_error(2, "apply")
    assert file in message
    assert "wish-rollout generate --record" in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("script_sha256", 5),
        ("revision", ["0007"]),
        ("parents", [["0006"]]),
        ("base", [6]),
        ("accepted", "0007"),
    ],
)
def test_journal_with_a_value_of_another_type(workspace: Workspace, name: str, value: object) -> None:
    path = workspace.root / "migrations/meta/_journal.json"
    content = json.loads(path.read_text())
    (content if name in content else content["entries"][-1])[name] = value
    path.write_text(json.dumps(content))
    assert f"{path} cannot be used: TypeError" in workspace.expect_error(2, "status")


def test_error_for_a_misspelt_key_names_the_environment_and_suggests_a_key(
    workspace: Workspace,
) -> None:
    workspace.edit("rollout.toml", "disposable = true", "disposible = true", 1)
    assert (
        "there is no key 'disposible' in environment.'local'; did you mean disposable?"
        in workspace.expect_error(2, "plan")
    )


def test_init_needs_an_alembic_project(workspace: Workspace) -> None:
    folder = workspace.root / "empty"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "root", folder)
        assert "There is no Alembic project in" in workspace.expect_error(2, "init")
    assert list(folder.iterdir()) == []
