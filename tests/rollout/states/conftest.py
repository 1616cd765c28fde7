"""Projects with one gated environment, on the versions of PostgreSQL.

``WISH_ALL_STATES=1`` meets each state on each version, and each plan needs a signature.
"""

from __future__ import annotations

import os
import re
import zlib
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import workspace_on
from tests.fix_servers import running_server
from tests.rollout.states.gate import SigningGate
from tests.rollout.states.project import TABLE, States
from tests.servers import REQUIRED, versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Workspace
    from wish_rollout.sandbox.server import Server

EVERYTHING = bool(os.environ.get("WISH_ALL_STATES"))
ENV_PY = """
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
TOML = """
[release]
scratch = "{scratch}"
migrations = "db"

[[environment]]
name = "prod"
gated = true

[environment.approval]
allowed_signers = "approvers"
four_eyes = false
"""
NO_DAGSTER = "postgresql://127.0.0.1:1/none"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each version, if everything is wanted."""
    if EVERYTHING and "states" in metafunc.fixturenames:
        ids = [f"pg{version}" for version in versions()]
        metafunc.parametrize("states", versions(), indirect=True, ids=ids)


def create_states(workspace: Workspace, *, dagster: bool) -> States:
    """Create the project, with one revision that creates a table."""
    scratch = re.search(r'scratch = "(.*)"', (workspace.root / "rollout.toml").read_text())
    assert scratch
    (workspace.root / "rollout.toml").write_text(TOML.format(scratch=scratch[1]))
    (workspace.root / "db").mkdir()
    (workspace.root / "db/env.py").write_text(ENV_PY)
    gate = SigningGate(workspace.root / "home/.ssh/id_ed25519") if EVERYTHING and not dagster else None
    created = States(workspace, dagster, gate, signs=gate is not None)
    created.revision("r1", None, TABLE, "DROP TABLE items")
    return created


@pytest.fixture
def states(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[States]:
    """The project on one of the required versions of PostgreSQL: which one depends on the test's name."""
    chosen = REQUIRED[zlib.crc32(request.node.nodeid.encode()) % len(REQUIRED)]
    version = getattr(request, "param", chosen)
    server = running_server(request.config, version)
    with workspace_on(server, tmp_path, NO_DAGSTER, monkeypatch, ("prod",)) as workspace:
        yield create_states(workspace, dagster=False)
    os.environ.pop("WISH_ROLLOUT_SANDBOX", None)


@pytest.fixture
def each_states(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[States]:
    """The project on each version, for what differs between them."""
    with workspace_on(server, tmp_path, NO_DAGSTER, monkeypatch, ("prod",)) as workspace:
        yield create_states(workspace, dagster=False)
    os.environ.pop("WISH_ROLLOUT_SANDBOX", None)


@pytest.fixture
def signed_states(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[States]:
    """The project on the version that is the fixture's parameter; each plan of prod needs a signature."""
    server = running_server(request.config, request.param)
    with workspace_on(server, tmp_path, NO_DAGSTER, monkeypatch, ("prod",)) as workspace:
        created = create_states(workspace, dagster=False)
        created.gate, created.signs = SigningGate(workspace.root / "home/.ssh/id_ed25519"), False
        yield created
    os.environ.pop("WISH_ROLLOUT_SANDBOX", None)


@pytest.fixture
def gated_states(
    server18: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[States]:
    """The project on version 18; each rollout is a run of Dagster's, and waits for a signature."""
    with workspace_on(server18, tmp_path, dagster_url, monkeypatch, ("prod",)) as workspace:
        yield create_states(workspace, dagster=True)
    os.environ.pop("WISH_ROLLOUT_SANDBOX", None)
