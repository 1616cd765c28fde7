"""The files of a database cluster: initdb, start, stop and removal.

``cluster/`` in the state directory contains ``data/`` and ``server.log``, which belong to the server's user, and
``passwords.json`` and ``port``, which belong to the current user. It is created under another name and renamed
when it is complete, so an interrupted initdb is never taken for a cluster.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.sandbox import processes, server_location
from wish_rollout.sandbox.binaries import major_version
from wish_rollout.sandbox.errors import SandboxFailed
from wish_rollout.sandbox.ports import choose_free_port, is_port_free
from wish_rollout.sandbox.private_files import write_private
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR, initdb_options, server_options

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 60.0
MAKE_SECONDS = 60.0
STOP_SECONDS = 10.0
TRANSIENT_FAILURES = ("pre-existing shared memory block", "could not bind", "lock file", "is still in use")
"""Log messages after which the start is tried again: a server is still shutting down, or the port is in use."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster in the state directory ``state``, run by the programs in ``bindir``. The caller holds the lock."""

    bindir: Path
    state: Path

    @property
    def home(self) -> Path:
        """The directory of the cluster; it exists once the cluster is complete."""
        return self.state / "cluster"

    @property
    def data(self) -> Path:
        """The data directory of the server."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The log file of the server."""
        return self.home / "server.log"

    @property
    def name(self) -> str:
        """The ``cluster_name`` of the server, derived from the path of the data directory."""
        return "wish_" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]

    @property
    def is_made(self) -> bool:
        """Whether a complete cluster exists."""
        return self.home.is_dir()

    def passwords(self) -> dict[str, str]:
        """Return the passwords by role."""
        return dict(json.loads((self.home / "passwords.json").read_text()))

    def port(self) -> int:
        """Return the port of the last start."""
        return int((self.home / "port").read_text())

    def is_running(self) -> bool:
        """Return whether the server accepts connections."""
        return processes.find_postmaster(self.data, self.name) is not None and processes.is_ready(self.data)

    def make(self, lock: int) -> None:
        """Create a new cluster with initdb.

        ``lock``: the descriptor of the lock, which initdb inherits: the lock is held until initdb ends, even if this
        process is killed. Raise SandboxFailed.
        """
        server_location.remove_directory(self.state / "cluster.old")
        new = self.state / "cluster.new"
        server_location.remove_directory(new)
        new.mkdir()
        new.chmod(0o755)
        passwords = {ADMIN: secrets.token_urlsafe(24), MIGRATOR: secrets.token_urlsafe(24)}
        write_private(new / "passwords.json", json.dumps(passwords))
        write_private(new / "port", str(choose_free_port()))
        write_private(new / "server.log", "")
        write_private(new / "pwfile", passwords[ADMIN])
        (new / "data").mkdir(mode=0o700)
        for name in ("data", "server.log", "pwfile"):
            server_location.give_to_server_user(new / name)
        options = initdb_options(major_version(self.bindir), data=new / "data", password_file=new / "pwfile")
        result = server_location.run_program(
            self.bindir, "initdb", *options, seconds=MAKE_SECONDS, keep_open=(lock,)
        )
        (new / "pwfile").unlink()
        if result.returncode != 0:
            raise SandboxFailed(
                "creating its data directory", f"initdb exited with {result.returncode}", _end(result.stdout)
            )
        new.rename(self.home)

    def start(self) -> None:
        """Start the server and wait until it accepts connections. It keeps running after this process ends.

        Raise SandboxFailed with the end of the server's log.
        """
        self._check_version()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_running():
            if processes.find_postmaster(self.data, self.name) is None:
                self._remove_stale_files()
                # no postmaster of this cluster runs, so a port in use belongs to another program
                if not is_port_free(self.port()):
                    write_private(self.home / "port", str(choose_free_port()))
            before = self.log.stat().st_size
            reason = self._start_once(max(1, int(deadline - time.monotonic())))
            if reason is None or self._wait_for_other_starter(deadline):
                return
            messages = self._log_since(before)
            if time.monotonic() > deadline or not any(text in messages for text in TRANSIENT_FAILURES):
                raise SandboxFailed("starting", reason, _end(messages))
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop all processes of the cluster: fast shutdown, immediate shutdown, then SIGKILL. Raise SandboxFailed."""
        if not processes.stop_processes(self.name, STOP_SECONDS):
            raise SandboxFailed("stopping", "some processes cannot be killed", self._log_since(0))

    def discard(self) -> None:
        """Remove the files. An interrupted removal is completed by the next :meth:`make` or :meth:`discard`."""
        server_location.remove_directory(self.state / "cluster.old")
        if self.is_made:
            self.home.rename(self.state / "cluster.old")
        server_location.remove_directory(self.state / "cluster.old")
        server_location.remove_directory(self.state / "cluster.new")

    def _remove_stale_files(self) -> None:
        """Stop remaining processes and remove postmaster.pid, if no postmaster of this cluster runs.

        Sessions may outlive a killed postmaster, and the process ID in the file may belong to another program.
        """
        self.stop()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _check_version(self) -> None:
        data_version = int((self.data / "PG_VERSION").read_text())
        if data_version != major_version(self.bindir):
            reason = f"its data directory was created by PostgreSQL {data_version}, the programs are {major_version(self.bindir)}"
            raise SandboxFailed("starting", reason, "")

    def _start_once(self, seconds: int) -> str | None:
        """Run pg_ctl start once; return None, or the reason of the failure.

        The paths are relative, because pg_ctl passes them to a shell in double quotes, and the name of a parent
        directory may contain characters that the shell expands.
        """
        options = server_options(
            major_version(self.bindir), name=self.name, port=self.port(), state=self.state
        )
        arguments = ("start", "-w", "-s", "-t", str(seconds), "-D", self.data.name, "-l", self.log.name)
        result = server_location.run_program(
            self.bindir, "pg_ctl", *arguments, "-o", options, seconds=seconds + 10, directory=self.home
        )
        return None if result.returncode == 0 else f"pg_ctl exited with {result.returncode}"

    def _wait_for_other_starter(self, deadline: float) -> bool:
        """Wait for a postmaster that a killed process has started; return False if there is none."""
        while processes.find_postmaster(self.data, self.name) is not None and time.monotonic() < deadline:
            if self.is_running():
                return True
            time.sleep(0.02)
        return False

    def _log_since(self, position: int) -> str:
        if not self.is_made:
            return ""
        with self.log.open("rb") as log:
            log.seek(position)
            text = log.read().decode(errors="replace")
        for password in self.passwords().values():
            text = text.replace(password, "********")
        return text


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])
