"""The files that the tests of the documentation read."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def tracked(*patterns: str) -> list[Path]:
    """Return the files of the repository that match one of git's patterns, new ones included."""
    listed = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", *patterns], cwd=ROOT, text=True
    )
    return sorted(path for name in set(listed.split("\0")) if (path := ROOT / name).is_file())


def name(path: Path) -> str:
    """Return a file's path in the repository."""
    return str(path.relative_to(ROOT))


def without_code(text: str) -> str:
    """Return Markdown without its code blocks and code spans; the lines keep their numbers."""
    blank = lambda found: "\n" * found.group().count("\n")  # noqa: E731
    text = re.sub(r"^( *)```.*?^\1```$", blank, text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)
