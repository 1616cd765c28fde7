"""Every layout that Alembic documents is read as Alembic itself reads it, and a folder that is missing is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.projects import BadAlembicConfiguration
from wish_rollout.core.errors.releases import ScriptFolderUnreadable
from wish_rollout.revisions.script_folder.alembic_config import ScriptOptions
from wish_rollout.revisions.script_folder.scripts import Scripts

if TYPE_CHECKING:
    from pathlib import Path

ENV = "from alembic import context\nassert context.config\n"
SCRIPT = 'revision, down_revision = "{}", {!r}\n\ndef upgrade(): pass\n\ndef downgrade(): pass\n'
HERE = "%(here)s/db"
LAYOUTS: dict[str, tuple[dict[str, str], str, str]] = {
    "default folder": ({}, "versions", ""),
    "spaces": (
        {"alembic.ini": f"version_locations = {HERE}/a {HERE}/b\npath_separator = space\n"},
        "b",
        "",
    ),
    "no separator": ({"alembic.ini": f"version_locations = {HERE}/a, {HERE}/b {HERE}/a\n"}, "b", ""),
    "the system's separator": (
        {"alembic.ini": f"version_locations = {HERE}/a{os.pathsep}{HERE}/b\npath_separator = os\n"},
        "b",
        "",
    ),
    "semicolons, prepended folders": (
        {
            "alembic.ini": f"version_locations = {HERE}/a;{HERE}/b\npath_separator = ;\n"
            "prepend_sys_path = .;%(here)s/src\n"
        },
        "b",
        "",
    ),
    "lines": (
        {"alembic.ini": f"version_locations =\n  {HERE}/a\n  {HERE}/b\npath_separator = newline\n"},
        "b",
        "",
    ),
    "the old name of the separator": (
        {"alembic.ini": f"version_locations = {HERE}/a:{HERE}/b\nversion_path_separator = :\n"},
        "b",
        "",
    ),
    "relative to where alembic is started": (
        {"alembic.ini": "version_locations = db/a db/b\nprepend_sys_path = .\n"},
        "b",
        "",
    ),
    "folders below": (
        {"alembic.ini": f"version_locations = {HERE}/a\nrecursive_version_locations = true\n"},
        "a/2026/11",
        "",
    ),
    "a package": (
        {"alembic.ini": "prepend_sys_path = .\nversion_locations = shop_{n}:b\npath_separator = space\n"},
        "../shop_{n}/b",
        "",
    ),
    "another section": (
        {
            "alembic.ini": f"version_locations = {HERE}/nowhere\n[shop]\nscript_location = db\n"
            f"version_locations = {HERE}/b\npath_separator = os\n"
        },
        "b",
        "shop",
    ),
    "pyproject.toml": (
        {
            "pyproject.toml": '[tool.alembic]\nscript_location = "%(here)s/db"\n'
            'version_locations = ["%(here)s/db/a", "%(here)s/db/b"]\n'
        },
        "b",
        "",
    ),
    "pyproject.toml beside an ini without scripts": (
        {
            "pyproject.toml": '[tool.alembic]\nscript_location = "db"\nrecursive_version_locations = true\n'
            'prepend_sys_path = ["."]\nversion_locations = ["%(here)s/db/a"]\n',
            "alembic.ini!": "[alembic]\nsqlalchemy.url = postgresql://\n",
        },
        "a/x",
        "",
    ),
}


def write(root: Path, files: dict[str, str], place: str) -> None:
    name = f"shop_{abs(hash(root))}"
    for folder in ("db/versions", "db/a", f"db/{place}", "src", name):
        (root / folder.format(n=name.removeprefix("shop_"))).mkdir(parents=True, exist_ok=True)
    (root / name / "__init__.py").touch()
    (root / "db/env.py").write_text(ENV)
    versions = root / "db" / place.format(n=name.removeprefix("shop_"))
    (versions / "one.py").write_text(SCRIPT.format("0001", None))
    (versions / "two.py").write_text(SCRIPT.format("0002", "0001"))
    for file, text in (files or {"alembic.ini": ""}).items():
        head = "[alembic]\nscript_location = db\n" if file == "alembic.ini" else ""
        (root / file.rstrip("!")).write_text(head + text.format(n=name.removeprefix("shop_")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_read_as_alembic_reads_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, place, section = LAYOUTS[name]
    write(tmp_path, files, place)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir("/")
    code = "from alembic.config import main; import sys; main(sys.argv[1:] + ['history', '-v']); "
    code += "main(sys.argv[1:] + ['heads'])"
    command = [sys.executable, "-W", "ignore", "-c", code, *(("-n", section) if section else ())]
    output = subprocess.run(
        command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120
    ).stdout
    history, heads = re.findall(r"^Rev: (\w+)", output, re.M), re.findall(r"^(\w+) \(head\)", output, re.M)
    assert (history, heads) == (["0002", "0001"], ["0002"])
    options = ScriptOptions(section=section or "alembic")
    for folder in (None, tmp_path / "db"):
        release = Scripts(tmp_path, folder, options=options).release
        assert [revision.id for revision in release.revisions] == history[::-1]
        assert release.head == ("0002",)


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        (
            "script_location = db\nversion_locations = db/nowhere\npath_separator = os\n",
            BadAlembicConfiguration,
            "does not exist",
        ),
        (
            "script_location = db\nversion_locations = db/a\npath_separator = comma\n",
            ScriptFolderUnreadable,
            "comma",
        ),
        ("script_location = %(there)s/db\n", BadAlembicConfiguration, "there"),
        ("script_location = no_such_package:db\n", BadAlembicConfiguration, "no_such_package"),
        ("script_location\n= db", BadAlembicConfiguration, "line"),
        ("script_location = elsewhere\n", ScriptFolderUnreadable, "no env.py"),
    ],
)
def test_what_alembic_cannot_read_is_refused(
    text: str, error: type[Exception], reason: str, tmp_path: Path
) -> None:
    write(tmp_path, {}, "versions")
    (tmp_path / "alembic.ini").write_text("[alembic]\n" + text)
    with pytest.raises(error, match=reason):
        _ = Scripts(tmp_path).release


def test_a_folder_without_versions_and_an_unknown_section_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {}, "versions")
    with pytest.raises(BadAlembicConfiguration, match=r"no section \[shop\]"):
        _ = Scripts(tmp_path, options=ScriptOptions(section="shop")).release
    with pytest.raises(BadAlembicConfiguration, match=r"no such file"):
        _ = Scripts(tmp_path, ini=tmp_path / "other.ini").release
    (tmp_path / "db/versions").rename(tmp_path / "db/revisions")
    with pytest.raises(BadAlembicConfiguration, match="versions does not exist"):
        _ = Scripts(tmp_path).release
