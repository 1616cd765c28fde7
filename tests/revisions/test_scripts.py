"""Scripts are executed from their source; files in ``__pycache__`` are ignored."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

from wish_rollout.revisions.script_folder.scripts import Scripts

SCRIPT = '''"""{word}"""
revision = "0001"
down_revision = None
'''


def test_cached_bytecode_with_equal_size_and_time_is_not_executed(tmp_path: Path) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "migrations" / "env.py").touch()
    script = versions / "0001_word.py"
    script.write_text(SCRIPT.format(word="forged"))
    py_compile.compile(str(script))
    when = script.stat().st_mtime_ns
    script.write_text(SCRIPT.format(word="honest"))
    os.utime(script, ns=(when, when))

    (revision,) = Scripts(tmp_path, Path("migrations")).release.revisions
    assert revision.message == "honest"
