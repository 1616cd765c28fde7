"""The connections of a server, which the targets of a fleet share."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.fix_fleet import migrate_to_first
from tests.gate.test_daemon import until
from tests.rollout.fleet.test_wave_rollout import outcomes, roll_out
from wish_rollout.core.errors.fleets.rollouts import NoConnectionFree
from wish_rollout.rollout.fleet import inspection, wave_planning
from wish_rollout.rollout.fleet.inspection import read_statuses
from wish_rollout.rollout.fleet.server_connections import TO_READ, Demand
from wish_rollout.rollout.fleet.wave_planning import plan_targets
from wish_rollout.rollout.fleet.worker_pool import WorkerPool

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet
    from tests.fix_replica import Node

NAMES = ("a", "b", "c", "d", "e", "f")
FREE = 17
"""max_connections is 20, and superuser_reserved_connections 3."""
SESSIONS = "select count(*)::int from pg_stat_activity where datid is not null and usesysid is not null"


@pytest.fixture
def small_fleet(fleet: Fleet, small_server: Node, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """A fleet of which half the targets name the server by another address."""
    with psycopg.connect(small_server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database t_a")
        migrate_to_first(small_server.url("t_a"))
        for name in NAMES[1:]:
            connection.execute(f"create database t_{name} template t_a".encode())
    monkeypatch.setenv("TENANTS_DATABASE_URL", small_server.url("t_{name}").replace("127.0.0.1", "{host}"))
    hosts = ["127.0.0.1", "localhost"]
    lines = [f"{name} host={hosts[place % 2]}\n" for place, name in enumerate(NAMES)]
    (fleet.root / "tenants.txt").write_text("".join(lines))
    fleet.workspace.edit("rollout.toml", "parallel = 1", "parallel = 4")
    return fleet


def test_targets_share_the_free_connections_of_their_server(
    small_fleet: Fleet, small_server: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (inspection, wave_planning):
        monkeypatch.setattr(module, "FEW", 2)
    project, env, targets = small_fleet.workspace.project, small_fleet.environment, small_fleet.targets
    url, lines = small_server.url("postgres"), list[str]()
    with ExitStack() as stack:
        sessions: list[psycopg.Connection[Any]] = []

        def open_sessions(number: int) -> None:
            """Open sessions, and wait for the end of those that were closed before."""
            sessions.extend(stack.enter_context(psycopg.connect(url, autocommit=True)) for _ in range(number))
            until(lambda: sessions[0].execute(SESSIONS).fetchone() == (len(sessions),), "others have ended")

        open_sessions(FREE - 3)
        verdicts = [each.verdict for each in read_statuses(project, env, targets, lines.append)]
        assert (verdicts, len(lines)) == (["behind"] * 6, 1)
        assert lines[0] == (
            "tenants: a server of 6 targets has 3 free connections: 3 of them at a time instead of 4"
        )
        open_sessions(0)
        assert outcomes(roll_out(small_fleet, lines)) == dict.fromkeys(NAMES, "done")
        assert lines[1:] == [
            "tenants: a server of 6 targets has 3 free connections: 1 of them at a time instead of 4"
        ]

        open_sessions(2)
        with pytest.raises(NoConnectionFree, match="at most 1 free connections, and a target needs 2"):
            roll_out(small_fleet)
        open_sessions(0)
        assert len(list(read_statuses(project, env, targets))) == 6
        open_sessions(1)
        with pytest.raises(NoConnectionFree, match="at most 0 free"):
            list(read_statuses(project, env, targets))
        demand = Demand(env, env.parallel, TO_READ, lines.append)
        with WorkerPool(project, env.name) as pool, pytest.raises(NoConnectionFree, match="at most 0 free"):
            plan_targets(project, pool, targets, {}, demand)


def test_the_connection_limit_of_a_role_is_shared(
    small_fleet: Fleet, small_server: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = small_server.url("t_{name}").replace("postgres@", "migrator@")
    monkeypatch.setenv("TENANTS_DATABASE_URL", url)
    with psycopg.connect(small_server.url("postgres"), autocommit=True) as connection:
        connection.execute("create role migrator login connection limit 1")

        with pytest.raises(NoConnectionFree, match="at most 1 free connections, and a target needs 2"):
            roll_out(small_fleet)
        until(lambda: connection.execute(SESSIONS).fetchone() == (1,), "the session of the reading has ended")
        with psycopg.connect(url.format(name="a")), pytest.raises(NoConnectionFree, match="at most 0 free"):
            roll_out(small_fleet)
