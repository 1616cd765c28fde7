"""Passwords: where they may come from, and that none of them is left behind anywhere."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.fix_project import PLANTED
from wish_rollout.addresses import iam_token, is_local, refuse_plaintext
from wish_rollout.core.errors.configuration import IamRequirementNotMet, UnencryptedConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road
    from tests.gate.conftest import Gate

PROD = 'name = "prod"\n'


def test_a_url_may_stand_in_a_file(road: Road) -> None:
    url = road.urls["prod"]
    road.leave_out("prod")
    (road.root / "prod.url").write_text(f"{url}\n")
    road.edit("rollout.toml", PROD, f'{PROD}url_file = "prod.url"\n')
    road.roll_out()
    assert road.revision("prod") == "0007"


def test_a_url_may_be_what_a_command_prints(road: Road) -> None:
    url = road.urls["prod"]
    road.leave_out("prod")
    (road.root / "vault").write_text(f"#!/bin/sh\ntest \"$1\" = 'a b' && echo '{url}'\n")
    (road.root / "vault").chmod(0o755)
    road.edit("rollout.toml", PROD, f"""{PROD}url_command = "./vault 'a b'"\n""")
    road.roll_out()
    assert road.revision("prod") == "0007"


@pytest.mark.parametrize(
    "line",
    [
        f'url_command = ["sh", "-c", "echo {PLANTED}; echo {PLANTED} >&2; exit 3"]',
        f'url_command = ["printf", "{PLANTED}\\n{PLANTED}"]',
        f'url_command = ["echo", "{PLANTED}"]',
        'url_command = "/no/such/program"',
        'url_command = ""',
        'url_file = "missing"',
    ],
)
def test_a_source_that_gives_no_url_is_named_without_what_it_said(road: Road, line: str) -> None:
    road.leave_out("prod")
    road.edit("rollout.toml", PROD, f"{PROD}{line}\n")
    assert "prod" in road.told(2, "apply")
    assert road.revision("local") is None


def test_a_gated_environment_far_away_is_not_reached_in_plain_text(road: Road) -> None:
    road.point("prod", f"postgresql://rollout:{PLANTED}@192.0.2.1/prod?connect_timeout=1")
    said = road.told(2, "apply")
    assert "192.0.2.1 might not be encrypted (sslmode=prefer)" in said
    assert "allow_plaintext = true" in said
    road.edit("rollout.toml", PROD, f"{PROD}allow_plaintext = true\nconnect_timeout = 2\n")
    assert "cannot be reached" in road.told(1, "apply")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_modes_that_may_fall_back_to_plain_text_do_not_do(mode: str) -> None:
    with pytest.raises(UnencryptedConnection):
        refuse_plaintext("prod", {"host": "127.0.0.1,db.example.org", "sslmode": mode})


@pytest.mark.parametrize(
    ("parameters", "variables"),
    [
        ({"host": "localhost"}, {"PGHOSTADDR": "192.0.2.1"}),
        ({}, {"PGHOST": "db.example.org"}),
        ({}, {"PGSERVICE": "prod"}),
        ({"service": "prod", "host": "localhost"}, {}),
    ],
)
def test_what_the_url_leaves_out_may_lead_far_away(
    monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], variables: dict[str, str]
) -> None:
    """libpq takes it from variables, and from a file of services, which it alone reads."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnencryptedConnection):
        refuse_plaintext("prod", parameters)
    refuse_plaintext("prod", {**parameters, "sslmode": "require"})


def test_what_is_this_machine_and_what_is_not() -> None:
    assert all(map(is_local, ("", "/run/postgresql", "@abstract", "localhost", "127.0.0.1", "::1")))
    assert not any(map(is_local, ("localhost.example.org", "10.0.0.1", "db")))
    refuse_plaintext("prod", {"host": "db.example.org", "sslmode": "verify-full"})


@pytest.mark.parametrize("missing", ["sslmode", "sslrootcert"])
def test_a_token_goes_only_to_a_server_that_has_proven_who_it_is(missing: str) -> None:
    full = {"host": "h", "user": "u", "sslmode": "verify-full", "sslrootcert": "bundle.pem"}
    with pytest.raises(IamRequirementNotMet, match="verify-full"):
        iam_token("prod", "eu-central-1", {key: value for key, value in full.items() if key != missing})


def test_nothing_is_left_behind_that_holds_a_password(gate: Gate) -> None:
    """A whole rollout and back, and each way in which one fails; then everything that is left is looked through."""
    road = gate.road
    with Watch(road) as watch:
        gate.ask()
        assert gate.approve()[0] == 0
        done = road.ended(road.start("apply"))
        assert done.code == 0, done
        assert road.cli("rollback", "prod").code == 3
    good = road.urls["prod"]
    wrong = urlsplit(good)
    for bad in (
        good.replace(wrong.password or "", PLANTED),
        f"postgresql://rollout:{PLANTED}@127.0.0.1:1/prod",
        f"postgresql://rollout:{PLANTED}@[broken/prod",
        f"postgresql://rollout:{PLANTED}@127.0.0.1:{wrong.port}/nosuch",
    ):
        road.point("prod", bad)
        assert road.cli("apply").code != 0
        assert road.cli("verify", "prod").code != 0
    road.point("prod", good)
    script = road.root / "migrations/versions/0008_bad.py"
    script.write_text(
        'revision = "0008"\ndown_revision = "0007"\n\n\ndef upgrade() -> None:\n'
        '    from alembic import context, op\n    op.execute("select 1")\n'
        "    raise RuntimeError('half-way')\n\n\ndef downgrade() -> None:\n    pass\n"
    )
    assert road.cli("apply").code != 0
    script.unlink()

    secrets = {secret for secret in road.secrets if secret}
    assert PLANTED in secrets
    for place, text in [*watch.seen, *stored(road), *files(road)]:
        found = [secret for secret in secrets if secret in text]
        assert not found, f"a password is in {place}"
    assert {place for place, _ in watch.seen} >= {"a command line", "pg_stat_activity"}


def stored(road: Road, at_least: int = 100) -> Iterator[tuple[str, str]]:
    """Give every row of Dagster's database and of every ledger, as text."""
    dagster = os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    rows = 0
    for name, url in {"dagster": dagster, **road.made}.items():
        with psycopg.connect(url) as connection:
            query = (
                "select schemaname, tablename from pg_tables where schemaname in ('public', 'wish_rollout')"
            )
            for table in connection.execute(query).fetchall():
                text = sql.SQL("select t::text from {} t").format(sql.Identifier(*table))
                for (row,) in connection.execute(text):
                    rows += 1
                    yield f"{name}.{'.'.join(table)}", row
    assert rows > at_least


def files(road: Road) -> Iterator[tuple[str, str]]:
    """Give every file that is left in the project, but for the configuration that a person wrote."""
    for path in road.root.rglob("*"):
        if path.is_file() and path.name != "rollout.toml":
            yield str(path), path.read_bytes().decode("utf-8", "replace")


class Watch:
    """Looks, as long as it lasts, at what others on the machine and on the server can see."""

    def __init__(self, road: Road) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.ended = threading.Event()
        self.url = road.server.url("postgres", "sandbox")
        self.thread = threading.Thread(target=self.look)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join(10)

    def look(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.ended.wait(0.05):
                for row in connection.execute("select application_name, query from pg_stat_activity"):
                    self.seen.add(("pg_stat_activity", f"{row[0]} {row[1]}"))
                listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
                self.seen |= {("a command line", line) for line in listed.stdout.splitlines()}
