"""Dagster needs a separate database: its tables in the database of an environment would be drift."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.fix_dagster import with_dagster_driver
from tests.fix_project import NO_TABLE_CREATION

if TYPE_CHECKING:
    from tests.fix_project import Workspace

COMMANDS = (("requests",), ("apply",), ("rollback", "local"), ("approve", "prod", "--reason", "x", "--yes"))


def set_dagster_url(workspace: Workspace, patch: pytest.MonkeyPatch, url: str) -> None:
    patch.setenv("DAGSTER_POSTGRES_URL", with_dagster_driver(url))


def tables(workspace: Workspace, name: str) -> list[str]:
    found = workspace.sql(
        name, "select relname::text from pg_class where relnamespace = 'public'::regnamespace"
    )
    return sorted(row[0] for row in found)


@pytest.mark.parametrize("spelling", ["127.0.0.1", "localhost"])
def test_database_of_an_environment_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    """With an empty database, and after the migration."""
    for revision in (None, "0007"):
        if revision:
            workspace.migrate("local")
        before = tables(workspace, "local")
        set_dagster_url(
            workspace, monkeypatch, workspace.database_urls["local"].replace("127.0.0.1", spelling)
        )
        for command in COMMANDS:
            refused = workspace.cli(*command)
            assert (refused.code, "which is not Dagster's: it" in refused.err) == (2, True), refused
        doctor = workspace.cli("doctor")
        assert (doctor.code, "FAIL  dagster: DAGSTER_POSTGRES_URL leads to" in doctor.out) == (2, True)
        assert (tables(workspace, "local"), workspace.revision("local")) == (before, revision)


def test_database_with_other_tables_is_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    other = workspace.add("canary")
    workspace.sql("canary", "create table orders (id int)")
    set_dagster_url(workspace, monkeypatch, other)
    refused = workspace.cli("requests")
    name = urlsplit(other).path[1:]
    assert (
        refused.code,
        f"the database {name}, which is not Dagster's: it contains orders" in refused.err,
    ) == (
        2,
        True,
    )
    assert tables(workspace, "canary") == ["orders"]


def test_dagster_creates_its_tables_in_an_empty_database(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.edit("dagster.yaml", NO_TABLE_CREATION, "")
    set_dagster_url(workspace, monkeypatch, workspace.add("canary"))
    for _ in range(2):
        assert workspace.cli("requests").code == 0
    assert {"runs", "event_logs", "secondary_indexes"} <= set(tables(workspace, "canary"))
    assert workspace.cli("doctor").code == 0


def test_two_environments_with_one_database_are_refused_after_the_migration(workspace: Workspace) -> None:
    workspace.migrate("local", "staging", "prod")
    assert workspace.cli("apply").code == 0
    workspace.set_url("staging", workspace.database_urls["prod"])
    refused = workspace.cli("apply")
    assert (refused.code, "nothing to do" in refused.out) == (6, False), refused


def test_status_shows_a_missing_database_as_unreachable(workspace: Workspace) -> None:
    workspace.set_url("staging", workspace.database_urls["staging"] + "x")
    result = workspace.cli("status")
    assert (result.code, result.out.splitlines()[2].split()[:2]) == (1, ["staging", "unreachable"]), result


def test_error_in_the_scripts_is_not_one_of_dagsters_database(workspace: Workspace) -> None:
    versions = workspace.root / "migrations/versions"
    (versions / "0007_other.py").write_text('revision, down_revision = "other", "0006"\n')
    message = workspace.expect_error(2, "requests")
    assert "more than one head" in message
    assert "Dagster" not in message
