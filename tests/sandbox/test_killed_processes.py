"""Killed processes: the next call completes the work."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sandbox.starters import busy, kill, line, start, until
from wish_rollout.sandbox import processes
from wish_rollout.sandbox.cluster import Cluster
from wish_rollout.sandbox.settings import ADMIN

if TYPE_CHECKING:
    from wish_rollout.sandbox.server import Server


def works(server: Server) -> bool:
    with psycopg.connect(server.url("postgres")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def postmasters(server: Server) -> list[int]:
    return [pid for pid, is_one in processes.find_cluster_processes(server.process_name).items() if is_one]


def test_concurrent_up_starts_one_server(own: Server) -> None:
    starters = [start(own, "server.up(); say(server.url('postgres'))") for _ in range(4)]
    said = {starter.communicate(timeout=120)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert said == {own.url("postgres") + "\n"}
    assert len(postmasters(own)) == 1


def test_concurrent_up_and_down_succeed(own: Server) -> None:
    code = "for _ in range(3): server.up(); server.down()"
    starters = [start(own, code) for _ in range(2)]
    for starter in starters:
        starter.communicate(timeout=120)
    assert [starter.returncode for starter in starters] == [0, 0]
    assert processes.find_cluster_processes(own.process_name) == {}


def test_server_keeps_running_after_its_starter_ends(own: Server) -> None:
    starter = start(own, "server.up(); say('up'); sys.stdin.read()")
    assert line(starter) == "up"
    os.killpg(os.getpgid(starter.pid), 0)
    kill(starter)
    assert own.is_running
    assert works(own)


def test_up_after_a_killed_postmaster_keeps_the_data(own: Server) -> None:
    own.up()
    with psycopg.connect(own.url("postgres", ADMIN), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    os.kill(postmasters(own)[0], signal.SIGKILL)
    until(lambda: not own.is_running)
    own.up()
    with psycopg.connect(own.url("postgres", ADMIN)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_up_starts_a_server_again_that_is_killed_after_it_was_found_running(
    own: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.up()
    running, killed = Cluster.is_running, postmasters(own)

    def is_running(cluster: Cluster) -> bool:
        found = running(cluster)
        while found and killed:
            os.kill(killed.pop(), signal.SIGKILL)
        return found

    monkeypatch.setattr(Cluster, "is_running", is_running)
    own.up()
    assert not killed
    assert works(own)


def test_down_stops_sessions_without_a_postmaster(own: Server) -> None:
    own.up()
    with busy(own.url("postgres")):
        os.kill(postmasters(own)[0], signal.SIGKILL)
        until(lambda: not own.is_running)
        assert processes.find_cluster_processes(own.process_name) != {}
        own.down()
        assert processes.find_cluster_processes(own.process_name) == {}


def test_up_stops_sessions_without_a_postmaster(own: Server) -> None:
    own.up()
    with busy(own.url("postgres")):
        os.kill(postmasters(own)[0], signal.SIGKILL)
        until(lambda: not own.is_running)
        own.up()
    assert works(own)


@pytest.mark.parametrize("moment", ["cluster.new", "cluster.new/pwfile", "cluster.new/data/base", "cluster"])
def test_up_after_a_killed_starter(own: Server, moment: str) -> None:
    starter = start(own, "server.up()")
    state = own.log.parent.parent
    until((state / moment).exists)
    kill(starter)
    own.up()
    assert works(own)
    assert sorted(path.name for path in state.iterdir()) == ["cluster", "lock"]
    assert not (state / "cluster" / "pwfile").exists()
    assert len(postmasters(own)) == 1


def test_down_stops_the_start_of_a_killed_process(own: Server) -> None:
    own.up()
    own.down()
    starter = start(own, "server.up()")
    until(lambda: processes.find_cluster_processes(own.process_name))
    kill(starter)
    own.down()
    assert own.is_running is False
    assert processes.find_cluster_processes(own.process_name) == {}


def test_incomplete_data_directory_is_created_again(own: Server) -> None:
    own.up()
    state = own.log.parent.parent
    own.down()
    (state / "cluster").rename(state / "cluster.new")
    (state / "cluster.new" / "data" / "PG_VERSION").unlink()
    own.up()
    assert works(own)
    assert not (state / "cluster.new").exists()


def test_up_completes_an_interrupted_reset(own: Server) -> None:
    own.up()
    state = own.log.parent.parent
    own.down()
    (state / "cluster").rename(state / "cluster.old")
    shutil.rmtree(state / "cluster.old" / "data" / "base")
    own.up()
    assert works(own)
    assert not (state / "cluster.old").exists()


def test_up_replaces_a_server_whose_files_were_deleted(own: Server) -> None:
    own.up()
    lost = postmasters(own)
    shutil.rmtree(own.log.parent.parent)
    own.up()
    assert works(own)
    assert len(postmasters(own)) == 1
    assert postmasters(own) != lost


def test_process_id_of_another_program_is_not_signalled(own: Server) -> None:
    own.up()
    own.down()
    bystander = start(own, "say('here'); sys.stdin.read()")
    assert line(bystander) == "here"
    (own.log.parent / "data" / "postmaster.pid").write_text(f"{bystander.pid}\n" + "x\n" * 6 + "ready\n")
    assert own.is_running is False
    own.down()
    assert bystander.poll() is None
    own.up()
    assert bystander.poll() is None
    assert works(own)
    kill(bystander)
