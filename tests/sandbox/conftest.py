"""A server for one test, which the test may kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.sandbox.binaries import find_embedded_bindir
from wish_rollout.sandbox.server import Server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def own(sandbox_home: Path) -> Server:
    """A server of version 18 in a folder of the test, not created yet."""
    return Server(find_embedded_bindir(), sandbox_home)
