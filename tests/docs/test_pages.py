"""The pages: generated ones are current, links lead somewhere, names in them exist."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml  # type: ignore[import-untyped]

from docs.generator import configuration, errors
from docs.generator.pages import FOLDER
from docs.generator.pages import PAGES as GENERATED
from tests.docs.files import PAGES, ROOT, name, without_code

if TYPE_CHECKING:
    from pathlib import Path

DOTTED = re.compile(
    r"`((?:cli|defs|rollout|config|postgres|revisions|sandbox|signing|core|notices)(?:\.(?!toml)\w+)+)`"
)
PATH = re.compile(r"`((?:wish_rollout|rollout|core|tests|docs|postgres|defs)/[\w./]*(?:\.\w+|/))`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", GENERATED)
def test_a_reference_page_is_what_the_code_says(page: str) -> None:
    assert (FOLDER / page).read_text(encoding="utf-8") == GENERATED[page](), "run: make reference"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert built.returncode == 0, built.stderr
    assert (tmp_path / "reference" / "cli.html").is_file()


def test_each_page_is_in_the_navigation() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))

    assert settings["strict"]
    assert sorted(leaves(settings["nav"])) == sorted(
        str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")
    )


def leaves(tree: object) -> list[str]:
    """Return the pages that a navigation names."""
    if isinstance(tree, str):
        return [tree]
    inner = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []
    return [leaf for each in inner for leaf in leaves(each)]


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_a_link_outside_of_the_site_leads_to_a_file(page: str) -> None:
    links = LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    files = [link.partition("#")[0] for link in links if "://" not in link]

    assert [link for link in files if link and not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_module_and_each_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = [f"wish_rollout.{found}" for found in DOTTED.findall(text)]
    paths = PATH.findall(text)

    assert [module for module in modules if not exists(module)] == []
    assert [
        path for path in paths if not ((ROOT / path).exists() or (ROOT / "wish_rollout" / path).exists())
    ] == []


def exists(module: str) -> bool:
    """Return whether there is a module of that name."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def test_the_architecture_follows_a_release_and_a_finding_through_modules_of_each_layer() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    release, finding = re.split(r"^## One (?:release|drift finding)", text, flags=re.MULTILINE)[1:]

    layers = {"cli", "defs", "rollout", "postgres", "core"}
    for part in (release, finding):
        assert layers <= {module.partition(".")[0] for module in DOTTED.findall(part)}


def test_each_class_that_a_page_names_exists() -> None:
    known = {each.__name__ for each in errors.classes()}
    named = {
        (name(page), found)
        for page in PAGES
        if page.parent != FOLDER
        for found in re.findall(r"\(`([A-Z]\w+)`", page.read_text(encoding="utf-8"))
        if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", found)
    }

    assert [where for where in sorted(named) if where[1] not in known] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_import_in_an_example_works(page: Path) -> None:
    blocks = re.findall(
        r"^( *)```python\n(.*?)^\1```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    imports = [
        (node.module, alias.name)
        for indentation, block in blocks
        for node in ast.walk(ast.parse(re.sub(rf"^{indentation}", "", block, flags=re.MULTILINE)))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wish_rollout")
        for alias in node.names
    ]

    missing = [each for each in imports if not hasattr(importlib.import_module(each[0] or ""), each[1])]
    assert missing == []


def test_each_key_of_rollout_toml_has_a_description() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", configuration.page(), re.MULTILINE)

    assert {"migrations", "quorum", "lock_ms", "on"} <= {key for key, _ in rows}
    assert [key for key, meaning in rows if len(meaning) < 10] == []


def test_the_glossary_is_sorted_and_each_term_has_a_meaning() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE
    )[1:]

    terms = [term for term, _ in rows]
    assert terms == sorted(terms, key=str.casefold)
    assert all(meaning.endswith(".") for _, meaning in rows)
    assert {"environment", "drift", "fingerprint", "gate", "ledger", "snapshot"} <= set(terms)


def test_the_changelog_keeps_its_form() -> None:
    text = without_code((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert headings[0] == "[Unreleased]"
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= {
        "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security",
    }  # fmt: skip
    assert [line for line in text.splitlines() if line.startswith("- ") and len(line) > 200] == []
