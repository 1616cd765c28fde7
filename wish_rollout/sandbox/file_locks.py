"""Locks between processes: they die with their holder, however it dies."""

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

PATIENCE_SECONDS = 120.0
"""Longer than the slowest thing that is done under a lock: making a cluster and starting it."""


@contextmanager
def locked(path: Path, *, shared: bool = False, seconds: float = PATIENCE_SECONDS) -> Iterator[int]:
    """Hold ``flock`` on a file that is made if missing; yield its descriptor.

    The descriptor is closed in child processes unless it is handed to them by name. Raises
    :class:`SandboxFailed` when another process holds the lock for longer than ``seconds``.
    """
    descriptor = _wait(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + seconds)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def alone(descriptor: int) -> bool:
    """Turn a shared lock that is held into an exclusive one; false if others share it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(path: Path, kind: int, deadline: float) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if _take(descriptor, kind) and _same_file(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise SandboxFailed("waiting for its lock", f"another process holds {path.name} for too long", "")
        time.sleep(0.02)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    """Whether the file that we locked still has that name: it may have been removed while we waited."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
