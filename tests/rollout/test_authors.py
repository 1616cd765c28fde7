"""Who wrote a revision, as a real git repository has it; where that cannot be known, nobody can approve."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import FILES, HERE
from wish_rollout.core.errors.approvals import RevisionAuthorUnknown
from wish_rollout.rollout.approval.revision_authors import read_revision_authors
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from pathlib import Path

FILE = "migrations/versions/0007_wishlist_items.py"
OTHER = "migrations/versions/0007_other_name.py"


class Checkout:
    """A project in a repository, with a history that a test writes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        """Run git there."""
        command = ["git", "-C", str(self.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def commit(self, who: str, message: str = "a change") -> None:
        """Commit everything as somebody."""
        self.git("add", "-A")
        identity = ("-c", f"user.name={who}", "-c", f"user.email={who}@example.org")
        self.git(*identity, "commit", "-q", "--allow-empty", "-m", message)

    def change(self, who: str, text: str, message: str = "a change") -> None:
        """Add a line to the script as somebody."""
        path = self.root / (FILE if (self.root / FILE).exists() else OTHER)
        path.write_text(f"{path.read_text()}\n# {text}\n")
        self.commit(who, message)

    @property
    def authors(self) -> list[str]:
        """Who wrote the revision; the domain is left out."""
        found = read_revision_authors(Project.load(self.root / "rollout.toml"), "prod", ["0007"])
        return [each.removesuffix("@example.org") for each in found]

    def unknown(self, reason: str) -> None:
        """Nobody knows."""
        with pytest.raises(RevisionAuthorUnknown, match=reason):
            assert self.authors


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A repository in which ann has committed everything."""
    root = tmp_path / "project"
    shutil.copytree(HERE / "migrations", root / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(HERE / name, root / name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    made = Checkout(root)
    made.git("init", "-q", "-b", "main")
    made.commit("ann")
    return made


def test_everyone_who_ever_committed_to_the_script_is_an_author_and_nobody_else(checkout: Checkout) -> None:
    checkout.change("Bob", "mine")
    (checkout.root / "unrelated").touch()
    checkout.commit("zoe")
    assert checkout.authors == ["ann", "bob"]


def test_a_renamed_script_keeps_its_authors(checkout: Checkout) -> None:
    checkout.git("mv", FILE, OTHER)
    checkout.commit("bob")
    checkout.change("cem", "mine")
    assert checkout.authors == ["ann", "bob", "cem"]


def test_whoever_wrote_what_a_script_was_copied_from_is_no_author_of_the_copy(checkout: Checkout) -> None:
    text = (checkout.root / FILE).read_text().replace('"0007"', '"0008"').replace('"0006"', '"0007"')
    (checkout.root / "migrations/versions/0008_copy.py").write_text(text)
    checkout.commit("bob")
    assert read_revision_authors(Project.load(checkout.root / "rollout.toml"), "prod", ["0008"]) == ("bob@example.org",)


def test_what_was_slipped_into_a_merge_has_its_author(checkout: Checkout) -> None:
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


def test_whoever_only_merged_is_no_author(checkout: Checkout) -> None:
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


def test_mailmap_adds_who_somebody_is_and_hides_nobody(checkout: Checkout) -> None:
    message = "a change\n\nCo-authored-by: Dee <old-dee@example.org>"
    checkout.change("old-bob", "mine", message)
    lines = [f"<{name}@example.org> <old-{name}@example.org>\n" for name in ("bob", "dee")]
    (checkout.root / ".mailmap").write_text("".join(lines))
    assert checkout.authors == ["ann", "bob", "dee", "old-bob", "old-dee"]


def test_a_clone_that_is_cut_off_does_not_make_the_last_one_the_author(checkout: Checkout) -> None:
    checkout.change("bob", "mine")
    (checkout.root / "unrelated").touch()
    checkout.commit("zoe")
    clone = Checkout(checkout.root.with_name("clone"))
    source = f"file://{checkout.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, str(clone.root)], check=True)
    clone.unknown("this clone is cut off .*; git fetch --unshallow")
    clone.git("fetch", "-q", "--unshallow")
    assert clone.authors == ["ann", "bob"]


def test_a_clone_that_is_cut_off_before_the_script_was_there_knows_its_authors(checkout: Checkout) -> None:
    text = (checkout.root / FILE).read_text()
    (checkout.root / FILE).unlink()
    checkout.commit("zoe")
    (checkout.root / FILE).write_text(text)
    checkout.commit("bob")
    clone = Checkout(checkout.root.with_name("clone"))
    source = f"file://{checkout.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "2", source, str(clone.root)], check=True)
    assert clone.authors == ["bob"]


def test_a_script_that_is_not_committed_has_no_known_author(checkout: Checkout) -> None:
    path = checkout.root / FILE
    text = path.read_text()
    path.write_text(text + "\n")
    checkout.unknown("has changes that were never committed")
    checkout.git("add", FILE)
    checkout.unknown("has changes that were never committed")
    checkout.git("rm", "-q", "--cached", FILE)
    checkout.unknown("was never committed")
    (checkout.root / ".gitignore").write_text("*.py\n")
    checkout.commit("ann")
    checkout.unknown("was never committed")


def test_where_there_is_no_repository_or_no_git_nobody_knows(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(checkout.root / ".git")
    checkout.unknown("git says: fatal: not a git repository")
    monkeypatch.setenv("PATH", str(checkout.root))
    checkout.unknown("git is not here")
    path = checkout.root / "rollout.toml"
    path.write_text(
        path.read_text().replace("[release]\n", '[release]\nauthors = { 0007 = ["Ann@example.org"] }\n')
    )
    assert checkout.authors == ["ann"]


def test_a_hook_of_another_repository_changes_nothing(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout.root.parent))
    assert checkout.authors == ["ann"]


def test_an_author_without_an_address_is_unknown(checkout: Checkout) -> None:
    path = checkout.root / FILE
    path.write_text(f"{path.read_text()}\n")
    checkout.git("add", "-A")
    checkout.git("-c", "user.name=bob", "-c", "user.email=", "commit", "-q", "-m", "whose")
    checkout.unknown("names nobody")
