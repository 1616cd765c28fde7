"""`sandbox env` and `sandbox rollout`: the two commands of a newcomer, on a server of the project's own."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_project import NO_TABLES
from wish_rollout.config import load_config
from wish_rollout.rollout.project.project_sandbox import sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road

VARIABLES = [
    "LOCAL_DATABASE_URL",
    "STAGING_DATABASE_URL",
    "PROD_DATABASE_URL",
    "DAGSTER_POSTGRES_URL",
    "DAGSTER_HOME",
]
BOUND_SECONDS = 120


@pytest.fixture
def newcomer(road: Road) -> Iterator[Road]:
    """A project whose variables, all but the sandbox's own, lead to databases that must stay as they are."""
    toml = road.root / "rollout.toml"
    lines = toml.read_text().splitlines(keepends=True)
    toml.write_text("".join(line for line in lines if not line.startswith("scratch = ")))
    road.edit("dagster.yaml", NO_TABLES, "")
    yield road
    sandbox(load_config(road.root / "rollout.toml")).remove()


def test_the_sandbox_takes_a_newcomer_through_the_whole_road_once(newcomer: Road) -> None:
    before = newcomer.identity()
    first = newcomer.ended(newcomer.start("sandbox", "rollout"), BOUND_SECONDS)
    assert first.code == 0, first
    account = [line.split() for line in first.out.splitlines()]
    assert [words[:4] for words in account[1:4]] == [
        [name, "base", "→", "0007"] for name in ("local", "staging", "prod")
    ]
    assert "gate of prod: approved by the sandbox's operator" in first.out
    assert "dagster dev -w workspace.yaml" in first.out

    second = newcomer.ended(newcomer.start("sandbox", "rollout"), BOUND_SECONDS)
    assert (second.code, second.out) == (0, "nothing to do: local, staging, prod are at 0007, in step\n")
    assert newcomer.identity() == before

    printed = newcomer.start("sandbox", "env").communicate(timeout=BOUND_SECONDS)[0]
    exported = dict(shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
    assert list(exported) == VARIABLES
    for name in VARIABLES[:3]:
        with psycopg.connect(exported[name]) as connection:
            assert connection.execute("select version_num from alembic_version").fetchall() == [("0007",)]
    os.environ.update(exported)
    assert newcomer.cli("drift").code == 0
    assert newcomer.cli("sandbox", "remove").code == 0
    assert not (newcomer.root / ".sandbox").exists()


def test_an_address_is_not_given_before_there_is_a_server(newcomer: Road) -> None:
    told = newcomer.told(1, "sandbox", "env")
    assert "start it: wish-rollout sandbox up" in told
