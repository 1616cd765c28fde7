"""Who runs the server, and where its files may be.

PostgreSQL refuses to run as root (manual: "The PostgreSQL User Account"). Root therefore starts it as another
user, who must be able to reach the programs and the data. A checkout often is in a directory that nobody else
may enter; what the server needs is then kept in a directory of root's own under /var/tmp.
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

COMMON = Path("/var/tmp")  # noqa: S108 (only a directory that safe_directory() has looked at is used in it)
COMMON_NAME = f"wish-rollout-{os.geteuid()}"
STATE_PREFIX = "home-"
HOME_NOTE = "home"
UNPRIVILEGED = ("postgres", "_postgres", "nobody")


@cache
def server_user() -> pwd.struct_passwd | None:
    """Give the user to run the server as; ``None`` when that is the present one, who is not root."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in users:
            return users[name]
    raise SandboxFailed("looking for a user", f"root cannot run it, and there is none of {UNPRIVILEGED}", "")


def reachable(path: Path) -> bool:
    """Whether the server's user can get at a path of ours: every directory on the way lets others through.

    What is not there yet will be made by us, and let them through.
    """
    if server_user() is None:
        return True
    on_the_way = [one for one in (path.resolve(), *path.resolve().parents) if one.exists()]
    ours = on_the_way[0].stat().st_uid == os.geteuid()
    return ours and all(one.stat().st_mode & stat.S_IXOTH for one in on_the_way)


def state_directory(home: Path) -> Path:
    """Give the directory that holds the server of ``home``, made or not.

    It is ``home`` itself when the server's user can reach it, else one in root's own place, named after it.
    """
    if reachable(home):
        return home.resolve()
    key = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]
    return COMMON / COMMON_NAME / f"{STATE_PREFIX}{key}"


def ensure_state_directory(home: Path) -> Path:
    """Give the same directory, made if missing. Raises :class:`SandboxUnsafe`."""
    if not home.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o755)  # whatever the umask is: what is in it is protected by itself
    state = state_directory(home)
    if state != home.resolve():
        common_directory()
        ensure_safe_directory(state)
        (state / HOME_NOTE).write_text(str(home.resolve()))
    return state


def find_stale_states() -> list[Path]:
    """Give the directories in root's own place whose homes have been removed."""
    notes = (COMMON / COMMON_NAME).glob(f"{STATE_PREFIX}*/{HOME_NOTE}")
    return [note.parent for note in notes if note.read_text() and not Path(note.read_text()).exists()]


def common_directory() -> Path:
    """Give the directory that all sandboxes of this user share, made if missing."""
    return ensure_safe_directory(COMMON / COMMON_NAME)


def ensure_safe_directory(path: Path) -> Path:
    """Make a directory, or take the one that is there if nobody else can have put anything into it.

    Raises :class:`SandboxUnsafe` for a link, for another user's directory, or for one that others can write.
    """
    path.mkdir(mode=0o755, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise SandboxUnsafe(str(path), "it is a link, not a directory")
    if found.st_uid != os.geteuid():
        raise SandboxUnsafe(str(path), "it belongs to another user")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise SandboxUnsafe(str(path), "others can write to it")
    path.chmod(0o755)
    return path


def give(path: Path) -> None:
    """Make the server's user the owner of a file or directory."""
    user = server_user()
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def remove(path: Path) -> None:
    """Remove a directory and all in it; nothing happens when it is missing."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        shutil.rmtree(path)


def run(
    bindir: Path,
    program: str,
    *arguments: str,
    seconds: float,
    directory: Path = Path("/"),
    keep_open: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a server program as the server's user; give its exit code and what it said (both streams).

    ``directory``: where it runs, since the server's user may not be able to enter ours. ``keep_open``:
    descriptors that it keeps, so that a lock lasts as long as the program does. Raises
    :class:`SandboxFailed` when it cannot be started or takes longer than ``seconds``.
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
    except subprocess.TimeoutExpired as late:
        raise SandboxFailed(f"running {program}", f"it took longer than {seconds:.0f} s", "") from late
    except OSError as failure:
        raise SandboxFailed(f"running {program}", failure.strerror or str(failure), "") from failure


def program_environment(bindir: Path) -> dict[str, str]:
    """Give the environment for the server's programs, and for psql and pg_dump beside them.

    Nothing of ours is in it: a PGPORT or PGOPTIONS set outside would change what they do. The library path
    is needed where the programs were built to look for their libraries in another place.
    """
    library_path = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    return {
        "PATH": f"{bindir}:/usr/bin:/bin",
        "LC_ALL": "C",
        "TZ": "UTC",
        library_path: str(bindir.parent / "lib"),
    }
