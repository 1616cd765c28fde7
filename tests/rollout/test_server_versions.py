"""A script may lead to another schema on another major version: each environment has the promise of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_folder import SCRIPT
from tests.fix_servers import running_server
from tests.servers import bindir_of, databases
from wish_rollout.rollout.servers import scratch_choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

COMPUTED = (
    "op.add_column('wishlist_items', sa.Column('doubled', sa.Integer, sa.Computed('priority * 2')))",
    "op.drop_column('wishlist_items', 'doubled')",
)
pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
KIND = "SELECT attgenerated::text FROM pg_attribute WHERE attname = 'doubled'"


@pytest.fixture
def older(workspace: Workspace, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """A release that is recorded on 18, with a computed column; staging is a database of PostgreSQL 15."""
    if bindir_of(15) is None:
        pytest.skip("PostgreSQL 15 is not installed")
    versions = workspace.root / "migrations/versions"
    script = SCRIPT.format(message="double", revision="0008", parent="0007", up=COMPUTED[0], down=COMPUTED[1])
    (versions / "0008_doubled.py").write_text(script)
    assert workspace.cli("generate", "--record").code == 0
    with databases(running_server(request.config, 15)) as new_database:
        workspace.set_url("staging", new_database())
        yield workspace


def column_kind(url: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(KIND).fetchone()
    assert row
    return str(row[0])


def test_the_promise_of_another_version_is_replayed_on_it(older: Workspace) -> None:
    made = older.cli("plan", "--json")
    assert made.code == 0, made
    plan = json.loads(made.out)
    notes = {each["environment"]: each["notes"] for each in plan["environments"]}
    assert notes["local"] == []
    assert notes["staging"] == ["recorded on PostgreSQL 18, replayed for this server on PostgreSQL 15"]
    older.migrate("local")
    older.migrate("staging")
    assert [column_kind(older.urls[name]) for name in ("local", "staging")] == ["v", "s"]
    assert "replayed for this server on PostgreSQL 15" in older.cli("doctor").out
    assert older.cli("drift", "staging").code == 0
    assert older.cli("rollback", "staging").code == 0


def test_a_version_without_a_server_is_named(older: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch_choice, "installed_bindirs", tuple)
    made = older.cli("plan", "--json")
    assert made.code == 0, made
    plan = json.loads(made.out)
    notes = {each["environment"]: each["notes"] for each in plan["environments"]}
    assert "recorded on PostgreSQL 18, and this server is PostgreSQL 15" in notes["staging"][0]
