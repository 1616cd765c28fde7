"""Attacks on four eyes: a checkout in which git shows other authors than those who wrote the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.approval.test_revision_authors import FILE, Checkout, checkout
from wish_rollout.core.errors.approvals import RevisionAuthorUnknown
from wish_rollout.rollout.approval.revision_authors import read_release_authors
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["checkout"]
HELPER = "migrations/schema.py"


def authors(of: Checkout, *code: str) -> set[str]:
    found = read_release_authors(Project.load(of.root / "rollout.toml"), "prod", ["0007"], code)
    return {each.removesuffix("@example.org") for each in found}


def replace_object(repository: Checkout, _folder: Path) -> None:
    commit = repository.git("rev-parse", "HEAD").strip()
    text = repository.git("cat-file", "commit", commit).replace("eve", "ann")
    made = repository.run_with_input(text, "hash-object", "-t", "commit", "-w", "--stdin")
    repository.git("replace", commit, made)


def graft(repository: Checkout, _folder: Path) -> None:
    first = repository.git("rev-list", "--max-parents=0", "HEAD").strip()
    (repository.root / ".git/info").mkdir(exist_ok=True)
    (repository.root / ".git/info/grafts").write_text(
        f"{repository.git('rev-parse', 'HEAD').strip()} {first}\n"
    )


def mailmap(repository: Checkout, folder: Path) -> None:
    (folder / "map").write_text("<ann@example.org> <eve@example.org>\n")
    repository.git("config", "mailmap.file", str(folder / "map"))


def program(name: str) -> Callable[[Checkout, Path], None]:
    def set_up(repository: Checkout, folder: Path) -> None:
        script = folder / "program"
        script.write_text(f"#!/bin/sh\ntouch {folder}/executed\n")
        script.chmod(0o755)
        repository.git("config", name, str(script))
        if name == "core.hooksPath":
            script.rename(folder / "post-index-change")
            repository.git("config", name, str(folder))

    return set_up


def setting(name: str, value: str) -> Callable[[Checkout, Path], None]:
    def set_up(repository: Checkout, _folder: Path) -> None:
        repository.git("config", name, value)

    return set_up


ATTACKS: dict[str, Callable[[Checkout, Path], None]] = {
    "a replaced commit": replace_object,
    "a graft": graft,
    "a mail map of the worker": mailmap,
    "a file system monitor": program("core.fsmonitor"),
    "a hook": program("core.hooksPath"),
    "an external diff": program("diff.external"),
    "a pager": program("core.pager"),
    "a program for signatures": program("gpg.program"),
    "another order of files": setting("diff.orderFile", "nowhere"),
    "no renames": setting("diff.renames", "false"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_configuration_hides_no_author_and_starts_no_program(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory, attack: str
) -> None:
    folder = tmp_path_factory.mktemp("outside")
    checkout.change("bob", "first")
    checkout.change("eve", "second")
    ATTACKS[attack](checkout, folder)
    assert authors(checkout) >= {"bob", "eve"}
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_uncommitted_change_cannot_be_hidden_from_git(checkout: Checkout, flag: str) -> None:
    checkout.git("update-index", flag, FILE)
    (checkout.root / FILE).write_text((checkout.root / FILE).read_text() + "\n# changed\n")
    with pytest.raises(RevisionAuthorUnknown, match="uncommitted changes"):
        authors(checkout)


def test_filter_cannot_hide_a_change(checkout: Checkout) -> None:
    checkout.git("config", "filter.x.clean", f"git cat-file blob HEAD:{FILE}")
    (checkout.root / ".gitattributes").write_text("*.py filter=x\n")
    (checkout.root / FILE).write_text((checkout.root / FILE).read_text() + "\n# changed\n")
    with pytest.raises(RevisionAuthorUnknown, match="uncommitted changes"):
        authors(checkout)


def test_other_repository_in_the_environment_does_not_count(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.change("eve", "second")
    for name in (
        "GIT_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_PARAMETERS",
        "GIT_REPLACE_REF_BASE",
    ):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert "eve" in authors(checkout)


def test_authors_of_helpers_count_also_after_a_rename(checkout: Checkout) -> None:
    """The author of a module, a renamed module or an SQL file may not approve the release that uses it."""
    (checkout.root / "migrations/old.sql").write_text("select 1\n" * 20)
    checkout.commit("eve")
    checkout.git("mv", "migrations/old.sql", "migrations/new.sql")
    checkout.commit("bob")
    assert authors(checkout, "migrations/new.sql") >= {"ann", "bob", "eve"}
    (checkout.root / HELPER).write_text((checkout.root / HELPER).read_text() + "\n# changed\n")
    with pytest.raises(RevisionAuthorUnknown, match="uncommitted changes"):
        authors(checkout, HELPER)
    checkout.commit("kim")
    assert "kim" in authors(checkout, HELPER, "pyproject.toml [tool.alembic]")
