"""Locks between processes by ``flock``. The operating system releases them when the holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wish_rollout.sandbox.errors import SandboxFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIMEOUT_SECONDS = 120.0
"""Longer than the slowest action under a lock: initdb and the start of the server."""


@contextmanager
def locked(path: Path, *, shared: bool = False, seconds: float = TIMEOUT_SECONDS) -> Iterator[int]:
    """Hold ``flock`` on a file while the block runs; yield the descriptor. The file is created if it is missing.

    Child processes do not inherit the descriptor unless it is passed to them. Raise SandboxFailed if another
    process holds the lock for longer than ``seconds``.
    """
    descriptor = _wait(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + seconds)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_exclusive(descriptor: int) -> bool:
    """Convert a shared lock into an exclusive one; return False if other processes share it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(path: Path, kind: int, deadline: float) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if _try_lock(descriptor, kind) and _same_file(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise SandboxFailed(
                "waiting for its lock", f"another process has held {path.name} for too long", ""
            )
        time.sleep(0.02)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    """Return whether the locked file still has this path: it may have been removed during the wait."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
