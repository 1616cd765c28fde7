"""Attacks on four eyes: a checkout in which git shows other authors than those who wrote the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.approval.test_revision_authors import FILE, Checkout, checkout
from wish_rollout.core.errors.gate.approvals import RevisionAuthorUnknown
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


def committed_mailmap(repository: Checkout, _folder: Path) -> None:
    (repository.root / ".mailmap").write_text("<ann@example.org> <eve@example.org>\n")
    repository.commit("eve")


def attributes(repository: Checkout, folder: Path) -> None:
    program("diff.x.textconv")(repository, folder)
    (repository.root / ".gitattributes").write_text("*.py diff=x\n")


def included(repository: Checkout, folder: Path) -> None:
    (folder / "config").write_text(
        "[log]\n  date = relative\n[diff]\n  renames = false\n[core]\n  fsmonitor = true\n"
    )
    repository.git("config", "include.path", str(folder / "config"))


def other_worktree(repository: Checkout, folder: Path) -> None:
    repository.git("config", "core.worktree", str(folder))


def alternates(repository: Checkout, folder: Path) -> None:
    (repository.root / ".git/objects/info").mkdir(exist_ok=True)
    (repository.root / ".git/objects/info/alternates").write_text(f"{folder}/objects\n")


def commit_graph(repository: Checkout, _folder: Path) -> None:
    repository.git("commit-graph", "write", "--reachable", "--changed-paths")


def promisor(repository: Checkout, folder: Path) -> None:
    """Remove an object, and name a program that would bring it."""
    repository.git("config", "remote.x.url", f"ext::sh -c touch% {folder}/executed")
    for name, value in (
        ("remote.x.promisor", "true"),
        ("protocol.ext.allow", "always"),
        ("core.repositoryFormatVersion", "1"),
    ):
        repository.git("config", name, value)
    repository.git("config", "extensions.partialClone", "x")


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
    "a mail map in the repository": committed_mailmap,
    "a program for texts": attributes,
    "a file of settings": included,
    "another work tree": other_worktree,
    "objects from elsewhere": alternates,
    "a commit graph": commit_graph,
    "a remote that brings objects": promisor,
    "no merges": setting("log.diffMerges", "off"),
    "an alias": setting("alias.log", "!true"),
    "another format": setting("format.pretty", "%H"),
    "another encoding": setting("i18n.logOutputEncoding", "UTF-16"),
    "a bare repository": setting("core.bare", "true"),
    "no renames": setting("diff.renames", "false"),
}


UNREADABLE = ("another work tree", "a bare repository")
"""Git cannot compare the files then, so the gate stays closed."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_configuration_hides_no_author_and_starts_no_program(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory, attack: str
) -> None:
    folder = tmp_path_factory.mktemp("outside")
    checkout.change("bob", "first")
    checkout.change("eve", "second")
    ATTACKS[attack](checkout, folder)
    try:
        assert authors(checkout) >= {"bob", "eve"}
    except RevisionAuthorUnknown:
        assert attack in UNREADABLE
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
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_SHALLOW_FILE",
        "GIT_NAMESPACE",
        "GIT_CEILING_DIRECTORIES",
        "GIT_EXEC_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
    ):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert "eve" in authors(checkout)


def test_author_counts_in_a_linked_worktree(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkout.change("eve", "second")
    linked = tmp_path_factory.mktemp("linked") / "checkout"
    checkout.git("worktree", "add", "--detach", str(linked))
    assert "eve" in authors(Checkout(linked))


def test_file_outside_of_the_repository_has_no_author(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "x.sql"
    outside.write_text("select 1")
    (checkout.root / "migrations/x.sql").symlink_to(outside)
    checkout.commit("eve")
    with pytest.raises(RevisionAuthorUnknown):
        authors(checkout, "migrations/x.sql")


def test_authors_of_a_link_count_with_those_of_its_file(checkout: Checkout) -> None:
    (checkout.root / "real").mkdir()
    (checkout.root / "real/x.sql").write_text("select 1")
    checkout.commit("eve")
    (checkout.root / "migrations/x.sql").symlink_to("../real/x.sql")
    checkout.commit("bob")
    assert authors(checkout, "migrations/x.sql") >= {"bob", "eve"}
    (checkout.root / "migrations/folder").symlink_to("../real")
    checkout.commit("kim")
    assert authors(checkout, "migrations/folder/x.sql") >= {"kim", "eve"}


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
