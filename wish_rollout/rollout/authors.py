"""Who wrote a release's revisions: git's authors of their scripts, else those that rollout.toml names."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from wish_rollout.core.approval_errors import AuthorUnknown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wish_rollout.rollout.project import Project

SECONDS = 20


def authors_of(project: Project, environment: str, revisions: Iterable[str]) -> tuple[str, ...]:
    """Give the e-mail addresses of everyone who wrote at these revisions' scripts, sorted.

    ``[release.authors]`` goes before git, for workers that have no checkout. Raises AuthorUnknown.
    """
    found: set[str] = set()
    for name in revisions:
        named = project.config.release.authors.get(name)
        path = project.config.root / project.release.revision(name).path
        found |= {each.casefold() for each in (named or _committed(environment, name, path))}
    return tuple(sorted(found))


def _committed(environment: str, revision: str, path: Path) -> set[str]:
    """Give the authors of every commit of a file, whatever it was called, as .mailmap has them."""
    log = _git(environment, revision, path, "log", "--follow", "--format=%aE", "--", path.name)
    if not log:
        raise AuthorUnknown(environment, revision, f"{path.name} was never committed")
    if _git(environment, revision, path, "status", "--porcelain", "--", path.name):
        raise AuthorUnknown(environment, revision, f"{path.name} has changes that were never committed")
    return set(log.split())


def _git(environment: str, revision: str, path: Path, *arguments: str) -> str:
    """Ask git about a file, in the file's folder; raise AuthorUnknown where it has no answer."""
    command = ["git", "--no-optional-locks", "-C", str(path.parent), *arguments]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AuthorUnknown(environment, revision, f"git: {type(error).__name__}") from None
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
        raise AuthorUnknown(environment, revision, f"git says: {said[0]}")
    return answer.stdout.strip()


def configured_email(root: Path) -> str:
    """Give git's ``user.email`` as it is set for a folder; empty where there is none."""
    command = ["git", "-C", str(root), "config", "user.email"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
