"""One cluster's files: made whole or not at all, and started.

``cluster/`` in the state directory holds ``data/`` and ``server.log`` (the server's user's), and
``passwords.json`` and ``port`` (ours alone). It is made beside its place and renamed, so one that was killed
half-way is never mistaken for a whole one.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.sandbox import processes, server_location
from wish_rollout.sandbox.binaries import version
from wish_rollout.sandbox.errors import SandboxFailed
from wish_rollout.sandbox.settings import ADMIN, MIGRATOR, initdb_options, server_options

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 60.0
MAKE_SECONDS = 60.0
STOP_SECONDS = 10.0
PORTS = range(20_000, 32_000)
"""Below the ports that systems hand out for outgoing connections, so likely to stay free."""
PASSING_TROUBLES = ("pre-existing shared memory block", "could not bind", "lock file", "is still in use")
"""What the log says when another try may go well: a server is still ending, or the port is gone."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster in a state directory, run by the programs of ``bindir``. The caller holds the lock."""

    bindir: Path
    state: Path

    @property
    def home(self) -> Path:
        """The directory that appears when the cluster is whole."""
        return self.state / "cluster"

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.home / "server.log"

    @property
    def name(self) -> str:
        """What the server's processes are called, one name for each place."""
        return "wish_" + hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]

    @property
    def made(self) -> bool:
        """Whether the cluster is there, and whole."""
        return self.home.is_dir()

    def passwords(self) -> dict[str, str]:
        """Give the passwords, by role."""
        return dict(json.loads((self.home / "passwords.json").read_text()))

    def port(self) -> int:
        """Give the port that was chosen when the server was last started."""
        return int((self.home / "port").read_text())

    def running(self) -> bool:
        """Whether the server takes connections."""
        return processes.find_postmaster(self.data, self.name) is not None and processes.is_ready(self.data)

    def make(self, lock: int) -> None:
        """Make the files of a new cluster. initdb keeps the lock open, should we be killed before it ends."""
        server_location.remove(self.state / "cluster.old")
        new = self.state / "cluster.new"
        server_location.remove(new)
        new.mkdir()
        new.chmod(0o755)
        passwords = {ADMIN: secrets.token_urlsafe(24), MIGRATOR: secrets.token_urlsafe(24)}
        _write_private(new / "passwords.json", json.dumps(passwords))
        _write_private(new / "port", str(_free_port()))
        _write_private(new / "server.log", "")
        _write_private(new / "pwfile", passwords[ADMIN])
        (new / "data").mkdir(mode=0o700)
        for theirs in ("data", "server.log", "pwfile"):
            server_location.give(new / theirs)
        options = initdb_options(version(self.bindir), data=new / "data", password_file=new / "pwfile")
        made = server_location.run(self.bindir, "initdb", *options, seconds=MAKE_SECONDS, keep_open=(lock,))
        (new / "pwfile").unlink()
        if made.returncode != 0:
            raise SandboxFailed(
                "making its data directory", f"initdb gave {made.returncode}", _end(made.stdout)
            )
        new.rename(self.home)

    def start(self) -> None:
        """Start the server and wait until it takes connections; it survives us.

        Raises :class:`SandboxFailed` with the end of the server's log.
        """
        self._check_version()
        deadline = time.monotonic() + START_SECONDS
        while not self.running():
            if processes.find_postmaster(self.data, self.name) is None:
                self._clear_the_way()
                # one of ours that is still starting holds it already, and may keep it
                if not _is_free(self.port()):
                    _write_private(self.home / "port", str(_free_port()))
            before = self.log.stat().st_size
            reason = self._start_once(max(1, int(deadline - time.monotonic())))
            if reason is None or self._wait_for_other_starter(deadline):
                return
            said = self._log_since(before)
            if time.monotonic() > deadline or not any(trouble in said for trouble in PASSING_TROUBLES):
                raise SandboxFailed("starting", reason, _end(said))
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop all of the cluster's processes: fast, then immediate, then by force."""
        if not processes.stop(self.name, STOP_SECONDS):
            raise SandboxFailed("stopping", "processes are left that cannot be killed", self._log_since(0))

    def discard(self) -> None:
        """Remove the files; what is killed half-way is finished by :meth:`make`."""
        server_location.remove(self.state / "cluster.old")
        if self.made:
            self.home.rename(self.state / "cluster.old")
        server_location.remove(self.state / "cluster.old")
        server_location.remove(self.state / "cluster.new")

    def _clear_the_way(self) -> None:
        """Remove what makes a postmaster refuse to start, where none of ours runs.

        Sessions may have outlived theirs; and the number in its file may by now be another process's.
        """
        self.stop()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _check_version(self) -> None:
        made_by = int((self.data / "PG_VERSION").read_text())
        if made_by != version(self.bindir):
            reason = f"its data were made by PostgreSQL {made_by}, the programs are {version(self.bindir)}"
            raise SandboxFailed("starting", reason, "")

    def _start_once(self, seconds: int) -> str | None:
        """Try to start; give why it did not.

        The paths are relative: pg_ctl hands them to a shell in double quotes, which a name may break out of.
        """
        options = server_options(version(self.bindir), name=self.name, port=self.port(), state=self.state)
        arguments = ("start", "-w", "-s", "-t", str(seconds), "-D", self.data.name, "-l", self.log.name)
        started = server_location.run(
            self.bindir, "pg_ctl", *arguments, "-o", options, seconds=seconds + 10, directory=self.home
        )
        return None if started.returncode == 0 else f"pg_ctl gave {started.returncode}"

    def _wait_for_other_starter(self, deadline: float) -> bool:
        """Wait for a start that somebody began who was killed; false when there is none."""
        while processes.find_postmaster(self.data, self.name) is not None and time.monotonic() < deadline:
            if self.running():
                return True
            time.sleep(0.02)
        return False

    def _log_since(self, position: int) -> str:
        if not self.made:
            return ""
        with self.log.open("rb") as log:
            log.seek(position)
            text = log.read().decode(errors="replace")
        for password in self.passwords().values():
            text = text.replace(password, "********")
        return text


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-15:])


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it is there whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    temporary.rename(path)


def _free_port() -> int:
    for _ in range(1000):
        port = secrets.choice(PORTS)
        if _is_free(port):
            return port
    raise SandboxFailed("choosing a port", f"none is free from {PORTS.start} to {PORTS.stop}", "")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
