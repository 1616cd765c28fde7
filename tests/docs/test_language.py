"""The project's language: terms that must not be used, and what to write instead (docs/contributing.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs import language
from tests.docs.files import PAGES, name, tracked

if TYPE_CHECKING:
    from pathlib import Path

OWN = ("tests/docs/language.py", "tests/docs/test_language.py")
CODE = [path for path in tracked("*.py") if not name(path).startswith(("migrations/versions/", *OWN))]
"""Without revisions: an edited one is another release."""
SHIPPED = [path for path in CODE if name(path).startswith("wish_rollout/")]
COMMENTED = tracked(
    "wish_rollout/*.sql",
    "wish_rollout/templates/*",
    "*.toml",
    "*.yml",
    "*.yaml",
    "Makefile",
    ".ci/run",
    ".env.example",
)


def listed(found: list[tuple[Path, int, str]]) -> str:
    """Return each finding on a line that an editor can open."""
    return "\n".join(f"{name(path)}:{line}: {' '.join(term.split())}" for path, line, term in found)


def test_the_package_uses_no_forbidden_term() -> None:
    found = [(path, *each) for path in SHIPPED for each in language.in_python(path, texts=True)]

    assert not found, listed(found)


def test_the_tests_and_tools_use_no_forbidden_term() -> None:
    others = set(CODE) - set(SHIPPED)
    found = [(path, *each) for path in sorted(others) for each in language.in_python(path, texts=False)]

    assert not found, listed(found)


def test_the_pages_use_no_forbidden_term() -> None:
    found = [(path, *each) for path in PAGES for each in language.in_page(path)]

    assert not found, listed(found)


def test_comments_of_other_files_use_no_forbidden_term() -> None:
    found = [(path, *each) for path in COMMENTED for each in language.in_comments(path)]

    assert not found, listed(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the whole road", ["road"]),
        ("a broadcast on the roadmap", []),
        ("break glass, break-glass, break_glass", []),
        ("who broke the glass", ["glass"]),
        ("it holds others up", ["holds others up"]),
        ("it stands in nobody's way", ["stands", "in nobody s way"]),
        ("in the way that PostgreSQL writes it", []),
        ("$1 stands for the name; a standby is standard", []),
        ("the sensor goes\non", ["goes\non"]),
    ],
)
def test_a_term_is_found_in_whole_words(text: str, found: list[str]) -> None:
    assert [term for _, term in language.terms(text)] == found


def test_identifiers_comments_and_docstrings_are_read_and_code_is_not(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        'class RollRoad:\n    """It was told, by ``told()``."""\n    ways_out = "told"  # anew\n'
    )

    assert list(language.in_python(module, texts=False)) == [
        (1, "Road"),
        (2, "told"),
        (3, "ways out"),
        (3, "anew"),
    ]
    assert (3, "told") in list(language.in_python(module, texts=True))
