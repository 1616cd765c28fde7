"""How a throwaway server is set up: everything for speed, nothing for the day that the power fails."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ADMIN = "sandbox"
"""The superuser."""
MIGRATOR = "rollout"
"""The plain role that owns the environments' databases and runs the migrations."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes only, and TCP serves all
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "max_locks_per_transaction": "512",  # a schema of 10,000 tables is replayed in one transaction
    "shared_buffers": "128MB",
    "fsync": "off",  # but synchronous_commit stays on: what is committed outlives a killed server
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: goes with it, and has its room
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
STATE_SETTING = "wish_rollout.state"
"""Tells whoever looks at the process, or asks the server, where it belongs."""
SCRAM_ITERATIONS = {"scram_iterations": "64"}
"""Passwords are random here, so stretching them (4,096 rounds at each connection) buys nothing."""


def initdb_options(version: int, *, data: Path, password_file: Path) -> list[str]:
    """Give the arguments of initdb.

    The locale sorts the same on each system: by code point, in UTF-8 (manual: "Locale Support"). The builtin
    provider of 17 and later also knows upper and lower case beyond ASCII.
    """
    options = ["--no-sync", f"--pgdata={data}", f"--username={ADMIN}", f"--pwfile={password_file}"]
    options += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"]
    if version >= 16:
        options += [f"--set={key}={value}" for key, value in SCRAM_ITERATIONS.items()]
    if version >= 17:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def server_options(version: int, *, name: str, port: int, state: Path) -> str:
    """Give the settings as arguments of the server, quoted for the shell that pg_ctl starts it with.

    They are on the command line, not in a file, so that another version of ours starts an older data
    directory with its own.
    """
    settings = {**SETTINGS, "cluster_name": name, "port": str(port), STATE_SETTING: str(state)}
    if version >= 16:
        settings |= SCRAM_ITERATIONS
    if version >= 18:
        settings["io_method"] = "sync"  # no worker processes for data that is in memory anyway
    return " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in settings.items())
