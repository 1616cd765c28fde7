"""The authors of a revision from a real git repository. If they are unknown, no approval is accepted."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import FILES, REPOSITORY
from wish_rollout.core.errors.gate.approvals import RevisionAuthorUnknown
from wish_rollout.rollout.approval.revision_authors import read_release_authors
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

FILE = "migrations/versions/0007_wishlist_items.py"
OTHER = "migrations/versions/0007_other_name.py"


class Checkout:
    """A project in a git repository whose commits the test creates."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        """Run git in the repository; return its output."""
        command = ["git", "-C", str(self.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def run_with_input(self, text: str, *arguments: str) -> str:
        """Run git with an input; return its output without the line end."""
        command = ["git", "-C", str(self.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout.strip()

    def commit(self, who: str, message: str = "a change") -> None:
        """Commit all changes as a person."""
        self.git("add", "-A")
        identity = ("-c", f"user.name={who}", "-c", f"user.email={who}@example.org")
        self.git(*identity, "commit", "-q", "--allow-empty", "-m", message)

    def change(self, who: str, text: str, message: str = "a change") -> None:
        """Append a line to the script and commit it as a person."""
        path = self.root / (FILE if (self.root / FILE).exists() else OTHER)
        path.write_text(f"{path.read_text()}\n# {text}\n")
        self.commit(who, message)

    @property
    def authors(self) -> list[str]:
        """Return the authors of the revision, without the domain."""
        found = read_release_authors(Project.load(self.root / "rollout.toml"), "prod", ["0007"])
        return [each.removesuffix("@example.org") for each in found]

    def unknown(self, reason: str) -> None:
        """Fail unless the authors are unknown for this reason."""
        with pytest.raises(RevisionAuthorUnknown, match=reason):
            assert self.authors


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A repository in which ann has committed all files."""
    root = tmp_path / "project"
    shutil.copytree(
        REPOSITORY / "migrations", root / "migrations", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in FILES:
        shutil.copy(REPOSITORY / name, root / name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = Checkout(root)
    made.git("init", "-q", "-b", "main")
    made.commit("ann")
    return made


def test_authors_are_all_committers_of_the_script(checkout: Checkout) -> None:
    checkout.change("Bob", "mine")
    (checkout.root / "unrelated").touch()
    checkout.commit("zoe")
    assert checkout.authors == ["ann", "bob"]


def test_a_renamed_script_keeps_its_authors(checkout: Checkout) -> None:
    checkout.git("mv", FILE, OTHER)
    checkout.commit("bob")
    checkout.change("cem", "mine")
    assert checkout.authors == ["ann", "bob", "cem"]


def test_author_of_the_source_of_a_copy_is_not_an_author(checkout: Checkout) -> None:
    text = (checkout.root / FILE).read_text().replace('"0007"', '"0008"').replace('"0006"', '"0007"')
    (checkout.root / "migrations/versions/0008_copy.py").write_text(text)
    checkout.commit("bob")
    assert read_release_authors(Project.load(checkout.root / "rollout.toml"), "prod", ["0008"]) == (
        "bob@example.org",
    )


def test_change_in_a_merge_commit_has_an_author(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "-b", "side")
    checkout.change("bob", "side")
    checkout.git("checkout", "-q", "main")
    (checkout.root / "unrelated").touch()
    checkout.commit("zoe")
    identity = ("-c", "user.name=eve", "-c", "user.email=eve@example.org")
    checkout.git(*identity, "merge", "-q", "--no-commit", "side")
    checkout.change("eve", "slipped in")
    assert checkout.git("rev-parse", "HEAD^2")
    assert checkout.authors == ["ann", "bob", "eve"]


def test_author_of_a_merge_without_changes_is_not_an_author(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "-b", "side")
    checkout.change("bob", "side")
    checkout.git("checkout", "-q", "main")
    (checkout.root / "unrelated").touch()
    checkout.commit("zoe")
    checkout.git(
        "-c", "user.name=max", "-c", "user.email=max@example.org", "merge", "-q", "--no-edit", "side"
    )
    assert checkout.authors == ["ann", "bob"]


def test_co_authors_are_authors(checkout: Checkout) -> None:
    message = "a change\n\nCo-authored-by: Dee <Dee@example.org>\nco-authored-by: Eli <eli@example.org>"
    checkout.change("bob", "ours", message)
    assert checkout.authors == ["ann", "bob", "dee", "eli"]


def test_mailmap_adds_names_and_hides_none(checkout: Checkout) -> None:
    message = "a change\n\nCo-authored-by: Dee <old-dee@example.org>"
    checkout.change("old-bob", "mine", message)
    lines = [f"<{name}@example.org> <old-{name}@example.org>\n" for name in ("bob", "dee")]
    (checkout.root / ".mailmap").write_text("".join(lines))
    assert checkout.authors == ["ann", "bob", "dee", "old-bob", "old-dee"]


def test_authors_are_unknown_in_a_shallow_clone(checkout: Checkout) -> None:
    checkout.change("bob", "mine")
    (checkout.root / "unrelated").touch()
    checkout.commit("zoe")
    clone = Checkout(checkout.root.with_name("clone"))
    source = f"file://{checkout.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, str(clone.root)], check=True)
    clone.unknown("this shallow clone lacks .*git fetch --unshallow")
    clone.git("fetch", "-q", "--unshallow")
    assert clone.authors == ["ann", "bob"]


def test_authors_are_known_in_a_shallow_clone_that_starts_before_the_script(checkout: Checkout) -> None:
    text = (checkout.root / FILE).read_text()
    (checkout.root / FILE).unlink()
    checkout.commit("zoe")
    (checkout.root / FILE).write_text(text)
    checkout.commit("bob")
    clone = Checkout(checkout.root.with_name("clone"))
    source = f"file://{checkout.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "2", source, str(clone.root)], check=True)
    assert clone.authors == ["bob"]


def test_authors_of_an_uncommitted_script_are_unknown(checkout: Checkout) -> None:
    path = checkout.root / FILE
    text = path.read_text()
    path.write_text(text + "\n")
    checkout.unknown("has uncommitted changes")
    checkout.git("add", FILE)
    checkout.unknown("has uncommitted changes")
    checkout.git("rm", "-q", "--cached", FILE)
    checkout.unknown("has uncommitted changes")
    (checkout.root / ".gitignore").write_text("*.py\n")
    checkout.commit("ann")
    checkout.unknown("is not committed")


def test_authors_are_unknown_without_a_repository_or_git(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(checkout.root / ".git")
    checkout.unknown("git reports: fatal: not a git repository")
    monkeypatch.setenv("PATH", str(checkout.root))
    checkout.unknown("git is not installed")
    path = checkout.root / "rollout.toml"
    path.write_text(
        path.read_text().replace("[release]\n", '[release]\nauthors = { 0007 = ["Ann@example.org"] }\n')
    )
    assert checkout.authors == ["ann"]


def test_git_variables_of_another_repository_are_ignored(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout.root.parent))
    assert checkout.authors == ["ann"]


def test_author_without_an_email_address_is_unknown(checkout: Checkout) -> None:
    path = checkout.root / FILE
    path.write_text(f"{path.read_text()}\n")
    checkout.git("add", "-A")
    checkout.git("-c", "user.name=bob", "-c", "user.email=", "commit", "-q", "-m", "whose")
    checkout.unknown("has an author without an e-mail address")
