"""Scripts that are recorded are executed when they are needed, and give the same graph as if all were executed."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.revisions.header_forms import DEFERRED, HEADERS
from wish_rollout.core.errors.releases import ScriptUnreadable
from wish_rollout.revisions.script_folder.script_files import Place
from wish_rollout.revisions.script_folder.scripts import Scripts

EXECUTED = "import sys\nsys.modules['executed_scripts'].names.append(__file__)\n"
BODY = "\n\ndef upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n"


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files of executed scripts."""
    names: list[str] = []
    module = ModuleType("executed_scripts")
    labels = {f"label_{name}": (f"label_{name}",) for name in ("one", "two", "three")}
    vars(module).update(labels, names=names, branch_labels="label")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return names


def write(folder: Path, scripts: dict[str, str]) -> None:
    versions = folder / "migrations/versions"
    versions.mkdir(parents=True)
    (folder / "migrations/env.py").write_text("", encoding="utf-8")
    for name, text in scripts.items():
        (versions / f"{name}.py").write_text(text, encoding="utf-8")


def chain(header: str) -> dict[str, str]:
    """Return three scripts, the last of which has no header of interest."""
    parents = {"one": None, "two": "one", "three": "two"}
    texts = {name: header.format(revision=name, parent=parent) for name, parent in parents.items()}
    return {name: text + EXECUTED + BODY for name, text in texts.items()}


def places(folder: Path) -> dict[str, Place]:
    """Return what ``meta/`` would have of a project."""
    return {
        each.script_sha256: Place(each.id, frozenset(each.parents))
        for each in Scripts(folder).release.revisions
    }


def described(scripts: Scripts) -> list[list[object]]:
    """Return what Alembic's objects say of the scripts."""
    names = ("revision", "down_revision", "dependencies", "branch_labels", "path", "doc", "longdoc")
    places = ("is_base", "is_head", "is_merge_point", "is_branch_point")
    return [
        [
            *(getattr(each, name) for name in (*names, *places)),
            sorted(each.log_entry.replace(",", "").split()),
        ]
        for each in scripts.directory.walk_revisions()
    ]


@pytest.mark.parametrize("form", HEADERS)
def test_recorded_scripts_give_the_same_release_and_are_executed_only_where_their_text_does_not_tell(
    tmp_path: Path, executed: list[str], form: str
) -> None:
    write(tmp_path, chain(HEADERS[form]))
    whole, recorded = Scripts(tmp_path).release, places(tmp_path)
    executed.clear()
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    assert scripts.release == whole
    assert len(executed) == (0 if form in DEFERRED else 3)
    assert [each.revision for each in scripts.directory.walk_revisions()] == ["three", "two", "one"]
    assert described(scripts) == described(Scripts(tmp_path))


def test_merges_and_dependencies_are_those_of_alembic(tmp_path: Path, executed: list[str]) -> None:
    header = '"""It."""\nrevision = "{}"\ndown_revision = {!r}\ndepends_on = {!r}\n'
    graph = {
        "first": (None, None),
        "left": ("first", None),
        "right": ("first", None),
        "other": (None, "left"),
        "merged": (("left", "right"), None),
        "last": (("merged", "other"), None),
    }
    write(tmp_path, {name: header.format(name, *each) + EXECUTED + BODY for name, each in graph.items()})
    whole, recorded = Scripts(tmp_path).release, places(tmp_path)
    executed.clear()
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    assert scripts.release == whole
    assert not executed
    assert described(scripts) == described(Scripts(tmp_path))


def test_scripts_are_executed_in_the_order_of_alembic_when_a_module_is_needed(
    tmp_path: Path, executed: list[str]
) -> None:
    texts = chain(HEADERS["template"])
    register = "import sys\nsys.modules['executed_scripts'].registered = 1\n"
    use = "assert sys.modules['executed_scripts'].registered\n"
    write(tmp_path, {"a": texts["one"] + register, "b": texts["two"] + use, "c": texts["three"] + use})
    recorded = places(tmp_path)
    executed.clear()
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    assert scripts.release.head == ("three",)
    assert not executed
    script = scripts.directory.get_revision("three")
    assert script
    assert script.module.upgrade
    assert [Path(each).stem for each in executed] == ["a", "b", "c"]
    scripts.load()
    assert len(executed) == 3


def test_the_text_that_was_hashed_is_executed(tmp_path: Path, executed: list[str]) -> None:
    write(tmp_path, chain(HEADERS["template"] + "data_dependent = 'before'\n"))
    recorded = places(tmp_path)
    executed.clear()
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    digest = scripts.release.revision("two").script_sha256
    path = tmp_path / "migrations/versions/two.py"
    text = path.read_bytes()
    path.write_bytes(text.replace(b"'before'", b"'after'"))
    script = scripts.directory.get_revision("two")
    assert script
    assert script.module.data_dependent == "before"
    assert script.module.__file__ == str(path)
    assert hashlib.sha256(text).hexdigest() == digest


@pytest.mark.parametrize("text", ["", "down_revision = None", "# 1"])
def test_all_are_executed_if_one_is_not_recorded(tmp_path: Path, executed: list[str], text: str) -> None:
    write(tmp_path, chain(HEADERS["template"]))
    recorded = places(tmp_path)
    path = tmp_path / "migrations/versions/three.py"
    before = path.read_text(encoding="utf-8")
    changed = before.replace("'two'", "'one'") if text == "" else f"{before}\n{text}\n"
    path.write_text(changed, encoding="utf-8")
    executed.clear()
    scripts = Scripts(tmp_path, recorded=lambda _: recorded, heads=("two", "three"))
    parents = {"": ("one",), "# 1": ("two",)}.get(text, ())
    assert scripts.release.revision("three").parents == parents
    assert [Path(each).stem for each in executed] == ["one", "three", "two"]


def test_an_attribute_is_found_in_scripts_that_were_not_executed(tmp_path: Path, executed: list[str]) -> None:
    texts = chain(HEADERS["template"])
    write(tmp_path, {**texts, "two": texts["two"] + "\nallow_positions = True\n"})
    recorded = places(tmp_path)
    executed.clear()
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    assert scripts.revisions_with("allow_hazards") == frozenset()
    assert not executed
    assert scripts.revisions_with("allow_positions") == {"two"}


def test_a_script_that_cannot_be_executed_is_named_when_it_is_needed(tmp_path: Path) -> None:
    texts = chain(HEADERS["template"])
    write(
        tmp_path,
        {
            name: text.replace(EXECUTED, "import os\nos.environ['HOME_OF_IT']\n")
            for name, text in texts.items()
        },
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME_OF_IT", "here")
        recorded = places(tmp_path)
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    assert scripts.release.head == ("three",)
    with pytest.raises(ScriptUnreadable, match=r"KeyError: 'HOME_OF_IT'.*one\.py, line 14"):
        scripts.load()


@pytest.mark.parametrize("recorded", [True, False])
def test_a_script_that_ends_the_process_is_named(tmp_path: Path, *, recorded: bool) -> None:
    """An application without its settings may do so."""
    ends = "import os\nif 'SETTINGS_OF_IT' not in os.environ: raise SystemExit('set SETTINGS_OF_IT')\n"
    write(tmp_path, {name: text.replace(EXECUTED, ends) for name, text in chain(HEADERS["template"]).items()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SETTINGS_OF_IT", "1")
        found = places(tmp_path) if recorded else {}
    with pytest.raises(ScriptUnreadable, match=r"SystemExit: set SETTINGS_OF_IT \(one\.py, line 14\)"):
        Scripts(tmp_path, recorded=lambda _: found).load()


def test_what_a_script_imports_is_traced_when_it_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = chain(HEADERS["old template"])
    write(
        tmp_path,
        {name: text.replace(EXECUTED, "import helper_of_scripts\n") for name, text in texts.items()},
    )
    (tmp_path / "helper_of_scripts.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    recorded = places(tmp_path)
    del sys.modules["helper_of_scripts"]
    scripts = Scripts(tmp_path, recorded=lambda _: recorded)
    assert scripts.release.head == ("three",)
    assert "helper_of_scripts.py" not in scripts.trace.loaded
    scripts.load()
    assert "helper_of_scripts.py" in scripts.trace.loaded
    del sys.modules["helper_of_scripts"]
