"""Authors of a release's revisions: from rollout.toml, or from the git history of the scripts."""

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

GIT_TIMEOUT_SECONDS = 20
HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Variables that git sets for hooks. They are removed, so that git uses the repository of the scripts."""
LOG_FORMAT = "--format=%H%x00%ae%x00%aE%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)"


def read_revision_authors(project: Project, environment: str, revisions: Iterable[str]) -> tuple[str, ...]:
    """Return the e-mail addresses of all authors of these revisions' scripts, in lower case and sorted.

    ``[release.authors]`` takes precedence over git, for workers without a git checkout. Raises RevisionAuthorUnknown.
    """
    authors: set[str] = set()
    for name in revisions:
        configured = project.config.release.authors.get(name)
        path = project.config.root / project.release.revision(name).path
        authors |= {each.casefold() for each in (configured or _read_git_authors(environment, name, path))}
    return tuple(sorted(authors))


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that changed a script. ``authors``: the author's address as recorded, and as .mailmap maps it."""

    hash: str
    authors: tuple[str, ...]
    co_authors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository that contains ``folder``. ``environment`` and ``revision`` are for error texts."""

    environment: str
    revision: str
    folder: Path

    def error(self, reason: str) -> RevisionAuthorUnknown:
        """Return the error for a script whose authors cannot be determined."""
        return RevisionAuthorUnknown(self.environment, self.revision, reason)

    def run_git(self, *arguments: str) -> str:
        """Return the output of a git command; raise RevisionAuthorUnknown if it fails."""
        command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", str(self.folder), *arguments]
        try:
            result = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=GIT_TIMEOUT_SECONDS,
                env={name: value for name, value in os.environ.items() if name not in HOOK_VARIABLES},
            )
        except FileNotFoundError:
            raise self.error("git is not installed") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise self.error(f"git: {type(error).__name__}") from None
        if result.returncode:
            lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
            raise self.error(f"git reports: {lines[0]}")
        return result.stdout.strip("\n\0")

    def read_commits(self, name: str) -> Iterator[Commit]:
        """Yield each commit that changed a file, across renames. ``name``: relative to the top-level folder.

        A merge commit counts if its content differs from all parents (``-c``). A copied file is a new file: git's
        ``--follow`` would also return the authors of the original.
        """
        pending, visited = [("HEAD", name)], set()
        while pending:
            start, path = pending.pop()
            if (start, path) in visited:
                continue
            visited.add((start, path))
            log = self.run_git("log", "-c", "-s", "--no-show-signature", LOG_FORMAT, start, "--", path)
            for line in log.splitlines():
                commit, *authors = line.split("\0")
                co_authors = [parseaddr(each)[1] for each in authors[2:] if each]
                yield Commit(commit, tuple(authors[:2]), tuple(co_authors))
            added = self.run_git("log", "-c", "-s", "--format=%H", "--diff-filter=A", start, "--", path)
            for commit in added.split():
                pending += [(f"{commit}^@", old) for old in self.read_old_names(commit, path)]

    def read_old_names(self, commit: str, name: str) -> list[str]:
        """Return the paths that a commit renamed to this path."""
        options = ("-r", "-m", "-M", "--no-commit-id", "--name-status", "-z", "--diff-filter=R")
        fields = self.run_git("diff-tree", *options, commit).split("\0")
        return [old for old, new in zip(fields[1::3], fields[2::3], strict=False) if new == name]

    def read_shallow_commits(self) -> set[str]:
        """Return the commits whose parents are missing in a shallow clone."""
        path = self.folder / self.run_git("rev-parse", "--git-path", "shallow")
        return set(path.read_text().split()) if path.exists() else set()

    def apply_mailmap(self, addresses: Iterable[str]) -> list[str]:
        """Return the addresses that .mailmap maps these to."""
        contacts = [f"<{each}>" for each in addresses]
        lines = self.run_git("check-mailmap", *contacts).splitlines() if contacts else []
        return [parseaddr(line)[1] for line in lines]


def _read_git_authors(environment: str, revision: str, path: Path) -> set[str]:
    """Return the authors and co-authors of all commits of a file; raise RevisionAuthorUnknown."""
    git = Repository(environment, revision, path.parent)
    name = git.run_git("ls-files", "--full-name", "-z", "--", path.name)
    if git.run_git("status", "--porcelain", "--", path.name):
        problem = "has uncommitted changes" if name else "is not committed"
        raise git.error(f"{path.name} {problem}")
    if not name:
        raise git.error(f"{path.name} is not committed")
    top = path.parent / git.run_git("rev-parse", "--show-cdup")
    commits = list(Repository(environment, revision, top).read_commits(name))
    if git.read_shallow_commits() & {commit.hash for commit in commits}:
        raise git.error(
            f"this shallow clone lacks earlier commits of {path.name}; run: git fetch --unshallow"
        )
    co_authors = {address for commit in commits for address in commit.co_authors}
    authors = {address for commit in commits for address in commit.authors}
    addresses = authors | co_authors | {*git.apply_mailmap(co_authors)}
    if not addresses or "" in addresses:
        raise git.error(f"a commit of {path.name} has an author without an e-mail address")
    return addresses


def read_git_email(root: Path) -> str:
    """Return git's ``user.email`` for a folder, or "" if it is not set."""
    command = ["git", "-C", str(root), "config", "user.email"]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=GIT_TIMEOUT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()
