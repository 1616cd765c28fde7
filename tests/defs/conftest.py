"""Fixtures of the tests of Dagster's definitions and events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace


@pytest.fixture
def instance(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance of the workspace."""
    with dg.DagsterInstance.get() as instance:
        yield instance
