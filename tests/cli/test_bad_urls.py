"""URLs that lead nowhere: told in a paragraph, without a password, before anything is touched."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.fix_project import PLANTED

if TYPE_CHECKING:
    from tests.fix_project import Road

MALFORMED = [
    f"mysql://rollout:{PLANTED}@127.0.0.1/prod",
    f"postgresql://rollout:{PLANTED}@127.0.0.1:port/prod",
    f"postgresql://rollout:{PLANTED}@[::1/prod",
    f"postgresql://rollout:{PLANTED}%zz@127.0.0.1/prod",
    f"postgresql://rollout:{PLANTED}@more@127.0.0.1/prod",
    f"postgresql://rollout:a/{PLANTED}@127.0.0.1/prod",
    f"postgresql://rollout:{PLANTED}@127.0.0.1/prod?nosuch=option",
    f"rollout {PLANTED}",
]


@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_url_is_a_mistake_in_the_configuration(road: Road, url: str) -> None:
    road.point("prod", url)
    for command in (("apply",), ("plan",), ("drift", "prod")):
        assert "PROD_DATABASE_URL is malformed" in road.told(2, *command)
    told = road.told(2, "snapshot", url)
    assert ("the URL given is malformed" if "://" in url else "no environment (local, staging, prod)") in told


def test_a_url_that_is_not_set_is_asked_for(road: Road) -> None:
    road.leave_out("prod")
    assert "export PROD_DATABASE_URL=" in road.told(2, "apply")


def test_a_database_that_does_not_exist_is_not_created(road: Road) -> None:
    server = urlsplit(road.urls["prod"])
    road.point("prod", server._replace(path="/nosuch").geturl())
    for command in (("apply",), ("verify", "prod"), ("snapshot", "prod")):
        told = road.told(2, *command)
        assert "The database 'nosuch' that PROD_DATABASE_URL names does not exist" in told


def test_a_server_that_is_down_stops_the_road_before_it_begins(road: Road) -> None:
    road.point("prod", f"postgresql://rollout:{PLANTED}@127.0.0.1:1/prod")
    for command in (("apply",), ("plan",), ("rollback", "prod")):
        assert "PROD_DATABASE_URL at 127.0.0.1:1 cannot be reached" in road.told(1, *command)
    assert road.revision("local") is None


def test_a_server_that_does_not_answer_is_waited_for_only_so_long(road: Road) -> None:
    road.edit("rollout.toml", "gated = true", "gated = true\nconnect_timeout = 1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        road.point("prod", f"postgresql://rollout:{PLANTED}@127.0.0.1:{silent.getsockname()[1]}/prod")
        started = time.monotonic()
        assert "cannot be reached: " in road.told(1, "plan")
        assert time.monotonic() - started < 5


def test_a_password_that_is_wrong_is_not_repeated(road: Road) -> None:
    server = urlsplit(road.urls["prod"])
    wrong = server._replace(netloc=f"rollout:{PLANTED}@127.0.0.1:{server.port}").geturl()
    road.point("prod", wrong)
    assert "refuses the role 'rollout'" in road.told(1, "apply")
    assert "refuses the role 'rollout'" in road.told(1, "diff", wrong, "local")


def test_dagsters_own_database_is_needed_before_anything_is_migrated(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = f"postgresql+psycopg2://dagster:{PLANTED}@127.0.0.1:1/dagster"
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", bad)
    assert "Dagster's own database cannot be opened" in road.told(2, "apply")
    monkeypatch.delenv("DAGSTER_POSTGRES_URL")
    assert "DAGSTER_POSTGRES_URL is not set" in road.told(2, "apply")
    assert "DAGSTER_POSTGRES_URL is not set" in road.cli("doctor").out


def test_dagsters_own_url_needs_no_driver_for_us_and_one_for_dagsters_own_commands(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", bare)
    doctor = road.cli("doctor")
    assert (doctor.code, "set DAGSTER_POSTGRES_URL=postgresql+psycopg2://" in doctor.out) == (2, True)
    assert road.cli("apply").code == 3
