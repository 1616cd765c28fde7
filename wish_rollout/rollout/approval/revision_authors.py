"""Who wrote a release's revisions: git's authors of their scripts, else those that rollout.toml names."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING

from wish_rollout.core.errors.approvals import RevisionAuthorUnknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from wish_rollout.rollout.project.project import Project

SECONDS = 20
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What a hook of git's sets: a rollout that is started by one is not about the hook's repository."""
LOG = "--format=%H%x00%ae%x00%aE%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)"


def read_revision_authors(project: Project, environment: str, revisions: Iterable[str]) -> tuple[str, ...]:
    """Give the e-mail addresses of everyone who wrote at these revisions' scripts, sorted.

    ``[release.authors]`` goes before git, for workers that have no checkout. Raises AuthorUnknown.
    """
    found: set[str] = set()
    for name in revisions:
        named = project.config.release.authors.get(name)
        path = project.config.root / project.release.revision(name).path
        found |= {each.casefold() for each in (named or _committed(environment, name, path))}
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that wrote at a script: the author as written and as .mailmap has them, and their co-authors."""

    hash: str
    authors: tuple[str, ...]
    together: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """Git in a folder, asked about one revision's script."""

    environment: str
    revision: str
    folder: Path

    def unknown(self, reason: str) -> RevisionAuthorUnknown:
        """Make the error that says why nobody knows."""
        return RevisionAuthorUnknown(self.environment, self.revision, reason)

    def ask(self, *arguments: str) -> str:
        """Give git's answer; raise AuthorUnknown where it has none."""
        command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", str(self.folder), *arguments]
        try:
            answer = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=SECONDS,
                env={name: value for name, value in os.environ.items() if name not in ELSEWHERE},
            )
        except FileNotFoundError:
            raise self.unknown("git is not here") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self.unknown(f"git: {type(error).__name__}") from None
        if answer.returncode:
            said = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
            raise self.unknown(f"git says: {said[0]}")
        return answer.stdout.strip("\n\0")

    def history(self, name: str) -> Iterator[Commit]:
        """Give every commit that wrote at a file, whatever it was called; ``name`` is as the top folder has it.

        A merge counts where what it made is on neither side (``-c``). A copy is a new file: with git's own
        ``--follow`` whoever wrote what it was copied from would be an author of it.
        """
        ways, seen = [("HEAD", name)], set()
        while ways:
            way = ways.pop()
            if way in seen:
                continue
            seen.add(way)
            for line in self.ask(
                "log", "-c", "-s", "--no-show-signature", LOG, way[0], "--", way[1]
            ).splitlines():
                commit, *authors = line.split("\0")
                together = [parseaddr(each)[1] for each in authors[2:] if each]
                yield Commit(commit, tuple(authors[:2]), tuple(together))
            added = self.ask("log", "-c", "-s", "--format=%H", "--diff-filter=A", way[0], "--", way[1])
            ways += [(f"{one}^@", old) for one in added.split() for old in self.renamed(one, way[1])]

    def renamed(self, commit: str, name: str) -> list[str]:
        """Give what a commit renamed to a file."""
        options = ("-r", "-m", "-M", "--no-commit-id", "--name-status", "-z", "--diff-filter=R")
        words = self.ask("diff-tree", *options, commit).split("\0")
        return [old for old, new in zip(words[1::3], words[2::3], strict=False) if new == name]

    def cut_off(self) -> set[str]:
        """Give the commits whose parents a shallow clone has left out."""
        path = self.folder / self.ask("rev-parse", "--git-path", "shallow")
        return set(path.read_text().split()) if path.exists() else set()

    def mapped(self, addresses: Iterable[str]) -> list[str]:
        """Give addresses as .mailmap has them."""
        contacts = [f"<{each}>" for each in addresses]
        lines = self.ask("check-mailmap", *contacts).splitlines() if contacts else []
        return [parseaddr(line)[1] for line in lines]


def _committed(environment: str, revision: str, path: Path) -> set[str]:
    """Give the authors and co-authors of every commit of a file; raise AuthorUnknown."""
    git = Repository(environment, revision, path.parent)
    name = git.ask("ls-files", "--full-name", "-z", "--", path.name)
    if git.ask("status", "--porcelain", "--", path.name):
        what = "has changes that were never committed" if name else "was never committed"
        raise git.unknown(f"{path.name} {what}")
    if not name:
        raise git.unknown(f"{path.name} was never committed")
    top = path.parent / git.ask("rev-parse", "--show-cdup")
    commits = list(Repository(environment, revision, top).history(name))
    if git.cut_off() & {commit.hash for commit in commits}:
        raise git.unknown(
            f"this clone is cut off at a commit that has {path.name} already; git fetch --unshallow"
        )
    together = {address for commit in commits for address in commit.together}
    found = {address for commit in commits for address in commit.authors} | together | {*git.mapped(together)}
    if not found or "" in found:
        raise git.unknown(f"a commit of {path.name} names nobody")
    return found


def read_git_email(root: Path) -> str:
    """Give git's ``user.email`` as it is set for a folder; empty where there is none."""
    command = ["git", "-C", str(root), "config", "user.email"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
