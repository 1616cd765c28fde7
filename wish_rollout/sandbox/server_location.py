"""The operating system user of the server, and the directory of its files.

PostgreSQL refuses to run as root (PostgreSQL manual, "The PostgreSQL User Account"). Root starts it as another
user, who needs access to the programs and the data. If other users cannot enter the directory of the checkout,
the files of the server are kept in a directory of root under /var/tmp.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from wish_rollout.sandbox.errors import SandboxFailed, SandboxUnsafe

COMMON = Path("/var/tmp")  # noqa: S108 (only directories that ensure_safe_directory() has checked are used in it)
COMMON_NAME = f"wish-rollout-{os.geteuid()}"
STATE_PREFIX = "home-"
HOME_NOTE = "home"
UNPRIVILEGED = ("postgres", "_postgres", "nobody")


@cache
def server_user() -> pwd.struct_passwd | None:
    """Return the user that runs the server if the current user is root; otherwise None. Raise SandboxFailed."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in users:
            return users[name]
    raise SandboxFailed("choosing a user", f"root cannot run it, and no user of {UNPRIVILEGED} exists", "")


def is_reachable(path: Path) -> bool:
    """Return whether the server's user can access a path: every parent directory has x permission for others.

    A part of the path that does not exist is created later with that permission.
    """
    if server_user() is None:
        return True
    existing = [part for part in (path.resolve(), *path.resolve().parents) if part.exists()]
    is_own = existing[0].stat().st_uid == os.geteuid()
    return is_own and all(part.stat().st_mode & stat.S_IXOTH for part in existing)


def state_directory(home: Path) -> Path:
    """Return the directory of the server files for ``home``; it need not exist.

    It is ``home`` if the server's user can access it, otherwise a directory under /var/tmp that is named by the
    digest of ``home``.
    """
    if is_reachable(home):
        return home.resolve()
    key = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return COMMON / COMMON_NAME / f"{STATE_PREFIX}{key}"


def ensure_state_directory(home: Path) -> Path:
    """Return the same directory, created if it is missing. Raise SandboxUnsafe."""
    if not home.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)  # independent of the umask; the files in it have their own permissions
    state = state_directory(home)
    if state != home.resolve():
        common_directory()
        ensure_safe_directory(state)
        (state / HOME_NOTE).write_text(str(home.resolve()))
    return state


def find_stale_states() -> list[Path]:
    """Return the directories under /var/tmp whose ``home`` no longer exists."""
    notes = (COMMON / COMMON_NAME).glob(f"{STATE_PREFIX}*/{HOME_NOTE}")
    return [note.parent for note in notes if note.read_text() and not Path(note.read_text()).exists()]


def common_directory() -> Path:
    """Return the directory that all sandboxes of the current user share, created if it is missing."""
    return ensure_safe_directory(COMMON / COMMON_NAME)


def ensure_safe_directory(path: Path) -> Path:
    """Create a directory, or return an existing one that no other user can have written to.

    Raise SandboxUnsafe if it is a symbolic link, belongs to another user, or is writable by others.
    """
    path.mkdir(mode=0o755, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise SandboxUnsafe(str(path), "it is a symbolic link, not a directory")
    if status.st_uid != os.geteuid():
        raise SandboxUnsafe(str(path), "it belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SandboxUnsafe(str(path), "others can write to it")
    path.chmod(0o755)
    return path


def give_to_server_user(path: Path) -> None:
    """Make the server's user the owner of a file or directory."""
    user = server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def remove_directory(path: Path) -> None:
    """Remove a directory and its contents; do nothing if it does not exist."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        shutil.rmtree(path)


def run_program(
    bindir: Path,
    program: str,
    *arguments: str,
    seconds: float,
    directory: Path = Path("/"),
    keep_open: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a server program as the server's user; return its exit code and its output (stdout and stderr).

    ``directory``: the working directory; the server's user may have no access to the current one. ``keep_open``:
    descriptors that the program inherits, so that a lock is held until the program ends. Raise SandboxFailed if
    the program cannot be started or takes longer than ``seconds``.
    """
    user = server_user()
    identity: dict[str, Any] = {}
    if user is not None:
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        return subprocess.run(
            [str(bindir / program), *arguments],
            cwd=directory,
            env=program_environment(bindir),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            umask=0o077,
            pass_fds=keep_open,
            **identity,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxFailed(f"running {program}", f"it took longer than {seconds:.0f} s", "") from error
    except OSError as error:
        raise SandboxFailed(f"running {program}", error.strerror or str(error), "") from error


def program_environment(bindir: Path) -> dict[str, str]:
    """Return the environment variables for the server programs, and for psql and pg_dump.

    No variable of the current process is passed on, because PGPORT or PGOPTIONS would change what the programs
    do. The library path is needed if the programs were built with another library directory.
    """
    library_path = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    return {
        "PATH": f"{bindir}:/usr/bin:/bin",
        "LC_ALL": "C",
        "TZ": "UTC",
        library_path: str(bindir.parent / "lib"),
    }
