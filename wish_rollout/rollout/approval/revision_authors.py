"""Authors of a release's revisions: from rollout.toml, or from the git history of the scripts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from email.utils import parseaddr
from typing import TYPE_CHECKING

from wish_rollout.core.errors.gate.approvals import RevisionAuthorUnknown
from wish_rollout.rollout.approval.git import find_repository, is_in_checkout, run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from wish_rollout.rollout.project.project import Project

LOG_FORMAT = "--format=%H%x00%ae%x00%aE%x00%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x00)"


def read_release_authors(
    project: Project, environment: str, revisions: Iterable[str], code: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the e-mail addresses of all authors of these revisions' scripts and of the code that they use.

    ``code``: names of the other files of the release, relative to rollout.toml. ``[release.authors]`` takes precedence
    over git, for workers without a git checkout: there, a revision's authors stand for its code as well, and a file
    can be named like a revision. The result is in lower case and sorted. Raises RevisionAuthorUnknown.
    """
    root, configured = project.config.root, project.config.release.authors
    authors: set[str] = set()
    paths: dict[str, str] = {}
    for name in revisions:
        if name in configured:
            authors |= {each.casefold() for each in configured[name]}
        else:
            paths[project.release.revision(name).path] = name
    is_configured = bool(authors) and not paths
    for name in (each.partition(" ")[0].rstrip("/") for each in code):
        if name in configured:
            authors |= {each.casefold() for each in configured[name]}
        elif (root / name).is_file() and not (is_configured and not is_in_checkout(root / name)):
            paths.setdefault(name, name)
    for folder, names in _by_folder(root, paths).items():
        authors |= {each.casefold() for each in _read_git_authors(environment, folder, names)}
    return tuple(sorted(authors))


def _by_folder(root: Path, paths: Mapping[str, str]) -> dict[Path, dict[Path, str]]:
    """Group files by the repository that contains them: the nearest folder with ``.git``."""
    found: dict[Path, dict[Path, str]] = {}
    for name, label in paths.items():
        path = root / name
        repository = find_repository(path) or path.parent
        found.setdefault(repository, {})[path] = label
    return found


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that changed a script. ``authors``: the author's address as recorded, and as .mailmap maps it."""

    hash: str
    authors: tuple[str, ...]
    co_authors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository that contains ``folder``. ``environment`` and ``subject`` are for error texts."""

    environment: str
    subject: str
    folder: Path

    def error(self, reason: str) -> RevisionAuthorUnknown:
        """Return the error for files whose authors cannot be determined."""
        return RevisionAuthorUnknown(self.environment, self.subject, reason)

    def run_git(self, *arguments: str, text: str | None = None) -> str:
        """Return the output of a git command; raise RevisionAuthorUnknown if it fails. ``text``: its input."""
        return run_git(self.folder, arguments, self.error, text)

    def read_commits(self, names: Iterable[str]) -> Iterator[Commit]:
        """Yield each commit that changed one of the files, across renames. ``names``: relative to the top-level folder.

        A merge commit counts if its content differs from all parents (``-c``). A copied file is a new file: git's
        ``--follow`` would also return the authors of the original.
        """
        pending, visited = [("HEAD", frozenset(names))], set()
        while pending:
            start, paths = pending.pop()
            if not paths or (start, paths) in visited:
                continue
            visited.add((start, paths))
            log = self.run_git(
                "log", "-c", "-s", "--no-show-signature", LOG_FORMAT, start, "--", *sorted(paths)
            )
            for line in log.splitlines():
                commit, *authors = line.split("\0")
                co_authors = [parseaddr(each)[1] for each in authors[2:] if each]
                yield Commit(commit, tuple(authors[:2]), tuple(co_authors))
            added = self.run_git(
                "log",
                "-c",
                "-s",
                "--no-show-signature",
                "--format=%H",
                "--diff-filter=A",
                start,
                "--",
                *sorted(paths),
            )
            pending += [
                (f"{commit}^@", frozenset(self.read_old_names(commit, paths))) for commit in added.split()
            ]

    def read_old_names(self, commit: str, names: frozenset[str]) -> list[str]:
        """Return the paths that a commit renamed to one of these paths."""
        options = ("-r", "-m", "-M", "--no-commit-id", "--name-status", "-z", "--diff-filter=R")
        fields = self.run_git("diff-tree", *options, commit).split("\0")
        return [old for old, new in zip(fields[1::3], fields[2::3], strict=False) if new in names]

    def read_shallow_commits(self) -> set[str]:
        """Return the commits whose parents are missing in a shallow clone."""
        path = self.folder / self.run_git("rev-parse", "--git-path", "shallow")
        return set(path.read_text().split()) if path.exists() else set()

    def apply_mailmap(self, addresses: Iterable[str]) -> list[str]:
        """Return the addresses that .mailmap maps these to."""
        contacts = [f"<{each}>" for each in addresses]
        lines = self.run_git("check-mailmap", *contacts).splitlines() if contacts else []
        return [parseaddr(line)[1] for line in lines]

    def refuse_uncommitted(self, top: Path, paths: Mapping[Path, str]) -> list[str]:
        """Return the files' names in the repository; raise RevisionAuthorUnknown if one differs from HEAD.

        The bytes are compared, not git's index: files can be marked there as unchanged, and filters can change them.
        """
        names = {path: os.path.relpath(os.path.realpath(path), os.path.realpath(top)) for path in paths}
        listed = self.run_git("ls-tree", "-r", "-z", "--full-tree", "HEAD", "--", *names.values())
        rows = (row.partition("\t") for row in listed.split("\0") if row)
        blobs = {name: fields.split()[2] for fields, _, name in rows}
        texts = "\n".join(os.path.realpath(path) for path in names)
        hashes = self.run_git("hash-object", "--no-filters", "--stdin-paths", text=texts).split()
        for (path, name), digest in zip(names.items(), hashes, strict=True):
            if name not in blobs:
                raise self.error(f"{path.name} is not committed")
            if blobs[name] != digest:
                raise self.error(f"{path.name} has uncommitted changes")
        return list(names.values())


def _links(top: Path, paths: Iterable[Path]) -> Iterator[str]:
    """Yield the names of the symbolic links by which the files are found: who sets a link chooses the file."""
    root = os.path.realpath(top)
    for path in paths:
        for place in (path, *path.parents):
            name = os.path.relpath(os.path.join(os.path.realpath(place.parent), place.name), root)  # noqa: PTH118
            if place.is_symlink() and not name.startswith(os.pardir):
                yield name


def _read_git_authors(environment: str, folder: Path, paths: Mapping[Path, str]) -> set[str]:
    """Return the authors and co-authors of all commits of files in one repository; raise RevisionAuthorUnknown."""
    label = next(iter(paths.values()))
    git = Repository(environment, label, folder)
    top = folder / git.run_git("rev-parse", "--show-cdup")
    git = Repository(environment, label, top)
    names = [*git.refuse_uncommitted(top, paths), *_links(top, paths)]
    commits = list(git.read_commits(names))
    shown = ", ".join(path.name for path in paths)
    if git.read_shallow_commits() & {commit.hash for commit in commits}:
        raise git.error(f"this shallow clone lacks earlier commits of {shown}; run: git fetch --unshallow")
    co_authors = {address for commit in commits for address in commit.co_authors}
    authors = {address for commit in commits for address in commit.authors}
    addresses = authors | co_authors | {*git.apply_mailmap(co_authors)}
    if not addresses or "" in addresses:
        raise git.error(f"a commit of {shown} has an author without an e-mail address")
    return addresses
