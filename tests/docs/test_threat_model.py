"""The threat model names tests that exist."""

from __future__ import annotations

import re

from tests.fix_project import REPOSITORY


def test_every_named_test_exists() -> None:
    text = (REPOSITORY / "docs/threat-model.md").read_text()
    sources = {path: path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py")}
    defined = set(re.findall(r"^def (test_\w+)", "\n".join(sources.values()), flags=re.MULTILINE))
    files = {str(path.relative_to(REPOSITORY)) for path in sources}
    named = re.findall(r"\| `([\w/.]+)` \|$", text, flags=re.MULTILINE)
    assert len(named) > 45
    assert set(named) - defined - files == set()
