"""Calls of git that depend on the repository's commits alone, not on configuration, hooks or replaced objects."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TIMEOUT_SECONDS = 20
OPTIONS = (
    "--no-optional-locks",
    "--no-replace-objects",
    "--literal-pathspecs",
    "--no-pager",
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.commitGraph=false"),
    *("-c", f"core.attributesFile={os.devnull}"),
    *("-c", "core.quotePath=true"),
    *("-c", "core.precomposeUnicode=false"),
    *("-c", "core.ignoreCase=false"),
    *("-c", "diff.external="),
    *("-c", "diff.renames=true"),
    *("-c", "diff.renameLimit=0"),
    *("-c", f"diff.orderFile={os.devnull}"),
    *("-c", "log.follow=false"),
    *("-c", "log.mailmap=true"),
    *("-c", "log.showSignature=false"),
    *("-c", "log.excludeDecoration="),
    *("-c", f"mailmap.file={os.devnull}"),
    *("-c", "trailer.separators=:"),
    *("-c", "i18n.logOutputEncoding=UTF-8"),
    *("-c", "safe.directory=*"),
)
"""What a repository's own configuration could change: programs that git would start, and what a log shows.

``safe.directory``: the owner of the files does not matter, since their code is executed anyway.
"""
ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def run_git(
    folder: Path,
    arguments: Sequence[str],
    error: Callable[[str], Exception],
    text: str | None = None,
) -> str:
    """Return the output of a git command in a folder. ``text``: its input. ``error``: makes the error of a reason."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        result = subprocess.run(
            ["git", *OPTIONS, "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=TIMEOUT_SECONDS,
            env={**inherited, **ENVIRONMENT},
            input=text or "",
        )
    except FileNotFoundError:
        raise error("git is not installed") from None
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise error(f"git: {type(problem).__name__}") from None
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise error(f"git reports: {lines[0]}")
    return result.stdout.strip("\n\0")


def find_repository(path: Path) -> Path | None:
    """Return the nearest folder above a file that has ``.git``, or None if the file is in no checkout."""
    folders = Path(os.path.realpath(path)).parents
    return next((folder for folder in folders if (folder / ".git").exists()), None)


def is_in_checkout(path: Path) -> bool:
    """Return whether a file is in a git checkout."""
    return find_repository(path) is not None


def read_git_email(root: Path) -> str:
    """Return git's ``user.email`` for a folder, with the person's own configuration; "" if it is not set."""
    command = ["git", "-C", str(root), "config", "user.email"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip()
