"""Roles, settings and initdb options of a sandbox server: fast, and not protected against power failure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ADMIN = "sandbox"
"""The name of the superuser."""
MIGRATOR = "rollout"
"""The name of the role without superuser rights that owns the databases and runs the migrations."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # the path of a socket is limited to 107 bytes, so only TCP is used
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "max_locks_per_transaction": "512",  # a schema of 10,000 tables is replayed in one transaction
    "shared_buffers": "128MB",
    "fsync": "off",  # synchronous_commit stays on: commits survive a killed server
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",  # shared memory in the data directory: removed with it, and not limited by /dev/shm
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
STATE_SETTING = "wish_rollout.state"
"""The setting that shows the state directory in the process arguments and by SHOW."""
SCRAM_ITERATIONS = {"scram_iterations": "64"}
"""Passwords are random here, so the default of 4,096 iterations per connection adds no security."""


def initdb_options(version: int, *, data: Path, password_file: Path) -> list[str]:
    """Return the arguments of initdb.

    The locale sorts by code point in UTF-8, so the same on every system (PostgreSQL manual, "Locale Support"). The
    builtin provider of version 17 and later also converts the case of characters outside ASCII.
    """
    options = ["--no-sync", f"--pgdata={data}", f"--username={ADMIN}", f"--pwfile={password_file}"]
    options += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"]
    if version >= 16:
        options += [f"--set={key}={value}" for key, value in SCRAM_ITERATIONS.items()]
    if version >= 17:
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def server_options(version: int, *, name: str, port: int, state: Path) -> str:
    """Return the settings as server arguments, quoted for the shell through which pg_ctl starts the server.

    They are arguments and not in postgresql.conf, so that a newer wish-rollout starts an existing data directory
    with its own settings.
    """
    settings = {**SETTINGS, "cluster_name": name, "port": str(port), STATE_SETTING: str(state)}
    if version >= 16:
        settings |= SCRAM_ITERATIONS
    if version >= 18:
        settings["io_method"] = "sync"  # no I/O worker processes: the data fits into memory
    return " ".join(f"-c {shlex.quote(f'{key}={value}')}" for key, value in settings.items())
