"""A script finds its module's values as they are after its import, however often it runs in one process."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING, Any

import pytest

from wish_rollout.revisions.runs.module_values import unchanged_values

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from tests.fix_project import Workspace

KINDS = """
KINDS = [{"name": "small", "note": "s"}, {"name": "large", "note": "l"}]
DONE = False


def rows():
    global DONE
    assert not DONE, "this script ran before"
    DONE = True
    while KINDS:
        kind = KINDS.pop(0)
        note = kind.pop("note")
        yield kind["name"], note
"""
INSERT = (
    'op.create_table("kinds", sa.Column("name", sa.Text), sa.Column("note", sa.Text))\n'
    "    for name, note in rows():\n"
    "        op.execute(f\"INSERT INTO kinds VALUES ('{name}', '{note}')\")"
)
MODULE = """
import collections
from json.decoder import BACKSLASH
from os import *
import json.scanner as scanner

RULES = [1, {"a": [2]}]
ALIAS = RULES
PAIR = ([3], {4})
COUNTS = collections.Counter(a=1)
STATE = None
"""


def test_a_script_that_uses_up_its_values_runs_in_every_environment(other_project: Workspace) -> None:
    (script,) = (other_project.root / "db/versions").glob("*_index.py")
    text = script.read_text()
    script.write_text(
        text.replace("def upgrade():\n    ", f"{KINDS}\n\ndef upgrade():\n    {INSERT}\n    ", 1).replace(
            "def downgrade():\n    ", 'def downgrade():\n    op.drop_table("kinds")\n    ', 1
        )
    )
    other_project.roll_out()
    for name in other_project.database_urls:
        assert other_project.sql(name, "SELECT name, note FROM kinds") == [("small", "s"), ("large", "l")]
    assert other_project.cli("generate", "--record").code == 0
    found = {each["name"]: each for each in json.loads(other_project.cli("check", "--json").out)}
    assert found["replay"]["passed"]
    assert found["round trip"]["detail"] == "upgrade → downgrade comes back"


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "module.py"
    path.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("a_script", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_containers_are_restored_in_place_and_names_that_were_set_are_removed(module: Any) -> None:
    rules, pair = module.RULES, module.PAIR
    with unchanged_values(module):
        module.RULES[1]["a"].append(9)
        module.RULES.append(9)
        module.PAIR[0].clear()
        module.PAIR[1].add(9)
        module.COUNTS["a"] += 1
        module.STATE, module.NEW = 1, 2
        module.RULES = None
    assert module.RULES is module.ALIAS is rules
    assert (module.PAIR, module.PAIR[0] is pair[0]) == (([3], {4}), True)
    assert (module.RULES, module.COUNTS["a"], module.STATE) == ([1, {"a": [2]}], 1, None)
    assert not hasattr(module, "NEW")


def test_an_exception_restores_the_values_too(module: Any) -> None:
    with pytest.raises(IndexError), unchanged_values(module):
        assert [module.RULES.pop() for _ in range(3)]
    assert module.RULES == [1, {"a": [2]}]


def test_what_a_script_imports_is_left_alone(module: Any) -> None:
    from json.decoder import BACKSLASH  # type: ignore[attr-defined]

    with unchanged_values(module):
        BACKSLASH["x"] = "y"
    assert BACKSLASH.pop("x") == "y"


def test_a_script_without_source_is_restored_too(module: Any, tmp_path: Path) -> None:
    """Alembic executes compiled scripts if ``sourceless`` is set."""
    module.__file__ = str(tmp_path / "module.pyc")
    (tmp_path / "module.pyc").write_bytes(b"\xa7\x0d\x0d\x0a\x00")
    with unchanged_values(module):
        module.RULES.clear()
    assert module.RULES == [1, {"a": [2]}]
