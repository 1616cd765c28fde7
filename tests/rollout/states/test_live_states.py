"""States of a live database that a rollout allows for: back-ports, partitions made at run time, poolers, timeouts."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rollout.states.project import States

BACKPORTS = {
    "CREATE INDEX hotfix ON items (price)": "CREATE INDEX IF NOT EXISTS hotfix ON items (price)",
    "ALTER TABLE items DROP COLUMN title": "ALTER TABLE items DROP COLUMN IF EXISTS title",
    "CREATE TYPE mood AS ENUM ('ok')": (
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('ok'); EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    ),
}
ALLOWED = '\n\nallow_hazards = {"index-without-concurrently": "few rows", "drop-column": "unused"}\n'
DAILY = "CREATE TABLE days (day date) PARTITION BY RANGE (day); CREATE INDEX ON days (day)"
PARTITION = "CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')"


@pytest.mark.parametrize("hotfix", BACKPORTS)
def test_backport_that_is_there_already_is_planned(states: States, hotfix: str) -> None:
    states.migrate()
    states.sql(hotfix)
    states.revision("r2", "r1", BACKPORTS[hotfix], "SELECT 1", ALLOWED)
    states.revision("r3", "r2", "CREATE TABLE more (a int)", "DROP TABLE more")
    plan = states.cli("plan")
    assert (plan.code, "note: already there: " in plan.out) == (0, True), plan.out
    states.roll_out()


def test_backport_to_one_of_several_heads_is_planned(states: States) -> None:
    states.workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]')
    states.revision("other", None, "CREATE TABLE other (a int)", "DROP TABLE other")
    states.migrate()
    states.sql("ALTER TABLE items ADD COLUMN note text")
    states.revision(
        "r2",
        "r1",
        "ALTER TABLE items ADD COLUMN IF NOT EXISTS note text",
        "ALTER TABLE items DROP COLUMN note",
    )
    states.roll_out()


def test_rows_are_rehearsed_at_several_heads(states: States) -> None:
    """The second head's revision corrects the rows that its constraint would refuse."""
    states.workspace.edit("rollout.toml", "[release]", '[release]\nheads = ["heads"]')
    states.revision("other", None, "CREATE TABLE other (a int)", "DROP TABLE other")
    states.migrate()
    states.sql("INSERT INTO other VALUES (-1)")
    states.revision(
        "more",
        "other",
        "UPDATE other SET a = 0 WHERE a < 0; ALTER TABLE other ADD CONSTRAINT positive CHECK (a >= 0)",
        "ALTER TABLE other DROP CONSTRAINT positive",
        '\n\nallow_hazards = {"check-scan": "few rows"}\n',
    )
    states.roll_out()


def test_backport_beside_other_drift_is_refused(states: States) -> None:
    states.migrate()
    states.sql("CREATE INDEX hotfix ON items (price); CREATE TABLE other (a int)")
    states.revision(
        "r2", "r1", "CREATE INDEX IF NOT EXISTS hotfix ON items (price)", "DROP INDEX hotfix", ALLOWED
    )
    assert states.cli("plan").code in (4, 6)


def test_partitions_made_at_run_time_are_reported_and_never_dropped(states: States) -> None:
    states.revision("r2", "r1", DAILY, "DROP TABLE days", ALLOWED)
    states.migrate()
    states.sql(PARTITION)
    drift = states.cli("drift")
    assert drift.code == 0
    assert (
        "unmanaged: table public.days_1 (partition made at run time; [scope] runtime_partitions)" in drift.out
    )
    states.revision("r3", "r2", "ALTER TABLE days ADD COLUMN note text", "ALTER TABLE days DROP COLUMN note")
    assert states.cli("plan").code == 0
    states.sql("CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2026-01-02') TO ('2026-01-03')")
    states.roll_out()

    states.workspace.edit("rollout.toml", "[release]", '[scope]\nruntime_partitions = "fail"\n\n[release]')
    drift = states.cli("drift", "prod", "--sql", "--lossy")
    assert (drift.code, "DROP TABLE" in drift.out) == (4, False)
    assert 'runtime_partitions = "report"' in drift.out


def test_statement_timeout_of_the_role_is_reported_as_that(states: States) -> None:
    url = states.workspace.urls["prod"]
    states.workspace.set_url("prod", f"{url}?options=-c%20statement_timeout%3D1ms")
    message = states.cli("plan").err
    assert "The statement_timeout of the role or the database of 'prod'" in message


def test_earlier_environments_need_no_url_of_prod(gated_states: States) -> None:
    states = gated_states
    text = (states.workspace.root / "rollout.toml").read_text()
    local = '[[environment]]\nname = "local"\n\n[[environment]]\nname = "prod"'
    (states.workspace.root / "rollout.toml").write_text(text.replace('[[environment]]\nname = "prod"', local))
    states.workspace.set_url("local", states.workspace.urls["prod"])
    states.workspace.unset_url("prod")
    assert states.cli("plan", "local").code == 0
    assert states.workspace.cli("apply", "--until", "local").code == 0


def test_baseline_and_settings_are_reported_by_doctor(states: States) -> None:
    name = urlsplit(states.workspace.urls["prod"]).path[1:]
    states.workspace.as_superuser("prod", "CREATE SCHEMA platform")
    for setting in ("work_mem = '8MB'", "app.key = 'pl4nted-s3cret'"):
        states.workspace.as_superuser("prod", f"ALTER DATABASE {name} SET {setting}")
    states.workspace.as_superuser("prod", f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET jit = off")
    checks = {each["name"]: each["detail"] for each in json.loads(states.cli("doctor", "--json").out)}
    assert "baseline (to be recorded by the next apply" in checks["prod"]
    assert name in checks["prod"]
    assert "app.key = (hidden)" in checks["settings"]
    assert "work_mem = 8MB" in checks["settings"]
    assert "jit = off" in checks["settings"]
    assert states.cli("drift").code == 0


@pytest.fixture
def pooler(states: States) -> Iterator[int]:
    """The port of a proxy that, like a pooler, reports a process ID of its own to the client."""
    server = urlsplit(states.workspace.urls["prod"])
    assert server.hostname
    assert server.port
    listener = socket.create_server(("127.0.0.1", 0))
    target = (server.hostname, server.port)
    thread = threading.Thread(target=accept_clients, args=(listener, target), daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=120)


def accept_clients(listener: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        server = socket.create_connection(target)
        threading.Thread(target=copy, args=(client, server), daemon=True).start()
        threading.Thread(target=copy, args=(server, client, True), daemon=True).start()


def copy(source: socket.socket, sink: socket.socket, other_pid: bool = False) -> None:
    """Copy bytes until the end. ``other_pid``: change the process ID in BackendKeyData (manual, 54.7)."""
    with suppress(OSError):
        while data := source.recv(65536):
            if other_pid and (found := re.search(rb"K\x00\x00\x00\x0c(?=.{8}Z)", data, re.DOTALL)):
                data = data[: found.end()] + (1).to_bytes(4, "big") + data[found.end() + 4 :]
            sink.sendall(data)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


def test_pooler_of_a_later_environment_is_seen_before_the_first_is_changed(
    states: States, pooler: int
) -> None:
    prod = urlsplit(states.workspace.urls["prod"])
    states.workspace.set_url(
        "prod", prod._replace(netloc=f"{prod.netloc.rpartition(':')[0]}:{pooler}").geturl()
    )
    message = "The URL of 'prod' leads to a connection pooler"
    for command in ("plan", "apply"):
        result = states.run(command)
        assert message in result.out + result.err, result
    assert states.sql("SELECT to_regclass('items')") == [(None,)]
    assert message in states.cli("doctor").out
    states.workspace.edit("rollout.toml", "gated = true", "gated = true\npooled_sessions = true")
    states.roll_out()
