"""Invalid or unreachable URLs: an error without a password, before any database is changed."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.fix_project import SECRET_PASSWORD

if TYPE_CHECKING:
    from tests.fix_project import Workspace

MALFORMED = [
    f"mysql://rollout:{SECRET_PASSWORD}@127.0.0.1/prod",
    f"postgresql://rollout:{SECRET_PASSWORD}@127.0.0.1:port/prod",
    f"postgresql://rollout:{SECRET_PASSWORD}@[::1/prod",
    f"postgresql://rollout:{SECRET_PASSWORD}%zz@127.0.0.1/prod",
    f"postgresql://rollout:{SECRET_PASSWORD}@more@127.0.0.1/prod",
    f"postgresql://rollout:a/{SECRET_PASSWORD}@127.0.0.1/prod",
    f"postgresql://rollout:{SECRET_PASSWORD}@127.0.0.1/prod?nosuch=option",
    f"rollout {SECRET_PASSWORD}",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_malformed_url_is_a_configuration_error(workspace: Workspace, url: str) -> None:
    workspace.set_url("prod", url)
    for command in (("apply",), ("plan",), ("drift", "prod")):
        assert "PROD_DATABASE_URL is malformed" in workspace.expect_error(2, *command)
    message = workspace.expect_error(2, "snapshot", url)
    assert (
        "the URL argument is malformed" if "://" in url else "not an environment (local, staging, prod)"
    ) in message


def test_error_for_a_missing_url_has_the_export_command(workspace: Workspace) -> None:
    workspace.unset_url("prod")
    assert "export PROD_DATABASE_URL=" in workspace.expect_error(2, "apply")


def test_missing_database_is_not_created(workspace: Workspace) -> None:
    server = urlsplit(workspace.urls["prod"])
    workspace.set_url("prod", server._replace(path="/nosuch").geturl())
    for command in (("apply",), ("verify", "prod"), ("snapshot", "prod")):
        message = workspace.expect_error(2, *command)
        assert "The database 'nosuch' that PROD_DATABASE_URL names does not exist" in message


def test_unreachable_server_stops_the_rollout_before_the_first_environment(workspace: Workspace) -> None:
    workspace.set_url("prod", f"postgresql://rollout:{SECRET_PASSWORD}@127.0.0.1:1/prod")
    for command in (("apply",), ("plan",), ("rollback", "prod")):
        assert "PROD_DATABASE_URL at 127.0.0.1:1 cannot be reached" in workspace.expect_error(1, *command)
    assert workspace.revision("local") is None


def test_connect_timeout_limits_the_wait_for_a_server(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "gated = true", "gated = true\nconnect_timeout = 1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        workspace.set_url(
            "prod", f"postgresql://rollout:{SECRET_PASSWORD}@127.0.0.1:{silent.getsockname()[1]}/prod"
        )
        started = time.monotonic()
        assert "cannot be reached: " in workspace.expect_error(1, "plan")
        assert time.monotonic() - started < 5


def test_wrong_password_is_not_printed(workspace: Workspace) -> None:
    server = urlsplit(workspace.urls["prod"])
    wrong = server._replace(netloc=f"rollout:{SECRET_PASSWORD}@127.0.0.1:{server.port}").geturl()
    workspace.set_url("prod", wrong)
    assert "refuses the role 'rollout'" in workspace.expect_error(1, "apply")
    assert "refuses the role 'rollout'" in workspace.expect_error(1, "diff", wrong, "local")


def test_unreachable_dagster_database_stops_the_rollout_before_the_first_environment(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = f"postgresql+psycopg2://dagster:{SECRET_PASSWORD}@127.0.0.1:1/dagster"
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", bad)
    assert "Dagster's own database cannot be opened" in workspace.expect_error(2, "apply")
    monkeypatch.delenv("DAGSTER_POSTGRES_URL")
    assert "DAGSTER_POSTGRES_URL is not set" in workspace.expect_error(2, "apply")
    assert "DAGSTER_POSTGRES_URL is not set" in workspace.cli("doctor").out


def test_dagster_url_without_a_driver_works_for_apply_and_doctor_reports_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", bare)
    doctor = workspace.cli("doctor")
    assert (doctor.code, "set DAGSTER_POSTGRES_URL=postgresql+psycopg2://" in doctor.out) == (2, True)
    assert workspace.cli("apply").code == 3
