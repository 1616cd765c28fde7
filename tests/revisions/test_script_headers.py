"""What is read from the text of a script is what Alembic finds after the script was executed."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING

import pytest
from alembic.script import Script

from wish_rollout.revisions.script_folder.script_files import DeferredScript, load_script
from wish_rollout.revisions.script_folder.script_headers import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXTS = (
    *(
        "",
        '"""It."""',
        "'It.'",
        '"""It.\n\nRevision ID: r\n"""',
        '# c\n"""It."""',
        '"""It."""  # c',
        '"""a"b""c"""',
    ),
    *(
        'r"""It."""',
        'f"""It."""',
        '("It.")',
        '"I" "t."',
        '"""It."""; x = 1',
        '"""I\\x74."""',
        '"""I\tt."""',
        '""',
    ),
    *("# coding: latin-1\n'ä'", "'ä'\n# coding: latin-1", '"""It.\n  More.\n"""', '"It."\n"And more."'),
    *(
        '"""It.\n\nbranch_labels = "other"\n"""',
        'from __future__ import annotations\n"""It."""',
        'x = """It."""',
    ),
)
REVISIONS = (
    'revision = "r"',
    "revision: str = 'r'",
    'revision = ("r")',
    'revision = "r"; x = 2',
    'revision = "" "r"',
)
PARENTS = (
    *('"p"', "None", '("p", "q")', '["p",\n "q"]', "()", '("p" "q")', '("p",)', '"p" or "q"', '("p"), "q"'),
    *('("p", "q")[0]', "x = 'p'", '("p") # (', '"p" \\\n "q"', "['p'] + ['q']", "('p' if 1 else 'q')"),
)
LABELS = (
    *(
        "",
        "branch_labels = None",
        'branch_labels = ("l", "m")',
        'branch_labels = "l"',
        '(branch_labels) = "l"',
    ),
    *(
        'if True:\n    branch_labels = "l"',
        "from string import digits as branch_labels",
        'x = 1; branch_labels = "l"',
    ),
    *(
        'x = """\nbranch_labels = "l"\n"""',
        'globals()["branch_" + "labels"] = "l"',
        "class branch_labels: pass",
    ),
    *("from email.charset import *", 'for branch_labels in ["l"]: pass', 'branch_labels, y = "l", 2'),
)
DEPENDENCIES = (
    "",
    "depends_on = None",
    'depends_on = "d"',
    'depends_on = ("d", "e")',
    'if True: depends_on = "d"',
)
REST = (
    "",
    '__doc__ = "Other."',
    '__doc__ = __doc__ or "Other."',
    "def run(name): globals()[name]()",
    "revision = revision",
)


FORMS = (TEXTS, REVISIONS, PARENTS, LABELS, DEPENDENCIES, REST)


def described(script: Script) -> list[object]:
    """Return what Alembic's object says of a script."""
    names = ("revision", "down_revision", "dependencies", "branch_labels", "doc", "longdoc")
    return [getattr(script, name) for name in names]


def parents(script: Script) -> tuple[str, frozenset[str]]:
    """Return what the journal would have recorded."""
    pairs = (script.down_revision, script.dependencies)
    return script.revision, frozenset(
        name for each in pairs for name in ((each,) if isinstance(each, str) else each or ())
    )


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_header_is_what_the_execution_gives(tmp_path: Path, end: str) -> None:
    """For all forms of any two parts of a script, the others being as in Alembic's template."""
    path, read = str(tmp_path / "r.py"), 0
    for text, revision, down, *rest in scripts():
        source = end.join([text, revision, f"down_revision = {down}", *rest, ""]).encode()
        if header := read_header(source):
            module = load_script(path, source)
            executed = Script(module, module.revision, path)
            deferred = DeferredScript(path, source, header, lambda: None)
            if parents(deferred) == parents(executed):  # otherwise the journal shows it
                assert described(deferred) == described(executed), source.decode()
                read += 1
    assert read > 100 or end == "\r\n"


def scripts() -> Iterator[tuple[str, ...]]:
    """Yield the parts of scripts."""
    usual = tuple(forms[:1] for forms in FORMS)
    for first, second in combinations(range(len(FORMS)), 2):
        yield from product(
            *(FORMS[each] if each in (first, second) else usual[each] for each in range(len(FORMS)))
        )
