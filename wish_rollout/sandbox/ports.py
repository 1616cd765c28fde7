"""TCP ports of the sandbox server."""

from __future__ import annotations

import secrets
import socket

from wish_rollout.sandbox.errors import SandboxFailed

PORTS = range(20_000, 32_000)
"""Below the ephemeral port range of common operating systems, so a chosen port is likely to stay free."""


def choose_free_port() -> int:
    """Return a random port on which no program listens at the moment. Raise SandboxFailed if none is found."""
    for _ in range(1000):
        port = secrets.choice(PORTS)
        if is_port_free(port):
            return port
    raise SandboxFailed("choosing a port", f"none is free from {PORTS.start} to {PORTS.stop}", "")


def is_port_free(port: int) -> bool:
    """Return whether a server can bind to a port of 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # PostgreSQL sets it too
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
