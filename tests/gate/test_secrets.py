"""Passwords: their sources, and that none is stored or printed."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.fix_project import SECRET_PASSWORD
from wish_rollout.addresses import iam_token, is_local, refuse_plaintext
from wish_rollout.core.errors.configuration import IamRequirementNotMet, UnencryptedConnection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace
    from tests.gate.conftest import Gate

PROD = 'name = "prod"\n'


def test_url_from_a_file(workspace: Workspace) -> None:
    url = workspace.urls["prod"]
    workspace.unset_url("prod")
    (workspace.root / "prod.url").write_text(f"{url}\n")
    workspace.edit("rollout.toml", PROD, f'{PROD}url_file = "prod.url"\n')
    workspace.roll_out()
    assert workspace.revision("prod") == "0007"


def test_url_from_a_command(workspace: Workspace) -> None:
    url = workspace.urls["prod"]
    workspace.unset_url("prod")
    (workspace.root / "vault").write_text(f"#!/bin/sh\ntest \"$1\" = 'a b' && echo '{url}'\n")
    (workspace.root / "vault").chmod(0o755)
    workspace.edit("rollout.toml", PROD, f"""{PROD}url_command = "./vault 'a b'"\n""")
    workspace.roll_out()
    assert workspace.revision("prod") == "0007"


@pytest.mark.parametrize(
    "line",
    [
        f'url_command = ["sh", "-c", "echo {SECRET_PASSWORD}; echo {SECRET_PASSWORD} >&2; exit 3"]',
        f'url_command = ["printf", "{SECRET_PASSWORD}\\n{SECRET_PASSWORD}"]',
        f'url_command = ["echo", "{SECRET_PASSWORD}"]',
        'url_command = "/no/such/program"',
        'url_command = ""',
        'url_file = "missing"',
    ],
)
def test_error_for_an_invalid_url_source_does_not_show_its_output(workspace: Workspace, line: str) -> None:
    workspace.unset_url("prod")
    workspace.edit("rollout.toml", PROD, f"{PROD}{line}\n")
    assert "prod" in workspace.expect_error(2, "apply")
    assert workspace.revision("local") is None


def test_remote_gated_environment_needs_encryption(workspace: Workspace) -> None:
    workspace.set_url("prod", f"postgresql://rollout:{SECRET_PASSWORD}@192.0.2.1/prod?connect_timeout=1")
    said = workspace.expect_error(2, "apply")
    assert "192.0.2.1 might not be encrypted (sslmode=prefer)" in said
    assert "allow_plaintext = true" in said
    workspace.edit("rollout.toml", PROD, f"{PROD}allow_plaintext = true\nconnect_timeout = 2\n")
    assert "cannot be reached" in workspace.expect_error(1, "apply")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_sslmodes_with_a_fallback_to_plain_text_are_refused(mode: str) -> None:
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
def test_remote_host_outside_the_url_needs_encryption(
    monkeypatch: pytest.MonkeyPatch, parameters: dict[str, str], variables: dict[str, str]
) -> None:
    """libpq reads the host from variables and from a service file."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UnencryptedConnection):
        refuse_plaintext("prod", parameters)
    refuse_plaintext("prod", {**parameters, "sslmode": "require"})


def test_local_and_remote_hosts() -> None:
    assert all(map(is_local, ("", "/run/postgresql", "@abstract", "localhost", "127.0.0.1", "::1")))
    assert not any(map(is_local, ("localhost.example.org", "10.0.0.1", "db")))
    refuse_plaintext("prod", {"host": "db.example.org", "sslmode": "verify-full"})


@pytest.mark.parametrize("missing", ["sslmode", "sslrootcert"])
def test_token_needs_a_verified_server_certificate(missing: str) -> None:
    full = {"host": "h", "user": "u", "sslmode": "verify-full", "sslrootcert": "bundle.pem"}
    with pytest.raises(IamRequirementNotMet, match="verify-full"):
        iam_token("prod", "eu-central-1", {key: value for key, value in full.items() if key != missing})


def test_no_password_in_files_logs_and_databases(gate: Gate) -> None:
    """A rollout, a rollback and failing commands; then all files and databases are searched."""
    workspace = gate.workspace
    with Watch(workspace) as watch:
        gate.ask()
        assert gate.approve()[0] == 0
        done = workspace.wait_for(workspace.start("apply"))
        assert done.code == 0, done
        assert workspace.cli("rollback", "prod").code == 3
    good = workspace.urls["prod"]
    wrong = urlsplit(good)
    for bad in (
        good.replace(wrong.password or "", SECRET_PASSWORD),
        f"postgresql://rollout:{SECRET_PASSWORD}@127.0.0.1:1/prod",
        f"postgresql://rollout:{SECRET_PASSWORD}@[broken/prod",
        f"postgresql://rollout:{SECRET_PASSWORD}@127.0.0.1:{wrong.port}/nosuch",
    ):
        workspace.set_url("prod", bad)
        assert workspace.cli("apply").code != 0
        assert workspace.cli("verify", "prod").code != 0
    workspace.set_url("prod", good)
    script = workspace.root / "migrations/versions/0008_bad.py"
    script.write_text(
        'revision = "0008"\ndown_revision = "0007"\n\n\ndef upgrade() -> None:\n'
        '    from alembic import context, op\n    op.execute("select 1")\n'
        "    raise RuntimeError('half-way')\n\n\ndef downgrade() -> None:\n    pass\n"
    )
    assert workspace.cli("apply").code != 0
    script.unlink()

    secrets = {secret for secret in workspace.secrets if secret}
    assert SECRET_PASSWORD in secrets
    for place, text in [*watch.seen, *stored(workspace), *files(workspace)]:
        found = [secret for secret in secrets if secret in text]
        assert not found, f"a password is in {place}"
    assert {place for place, _ in watch.seen} >= {"a command line", "pg_stat_activity"}


def stored(workspace: Workspace, at_least: int = 100) -> Iterator[tuple[str, str]]:
    """Return every row of Dagster's database and of every ledger as text."""
    dagster = os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")
    rows = 0
    for name, url in {"dagster": dagster, **workspace.database_urls}.items():
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


def files(workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Return the contents of every file in the project except the configuration."""
    for path in workspace.root.rglob("*"):
        if path.is_file() and path.name != "rollout.toml":
            yield str(path), path.read_bytes().decode("utf-8", "replace")


class Watch:
    """Records what other users of the machine and the server can see while the block runs."""

    def __init__(self, workspace: Workspace) -> None:
        self.seen: set[tuple[str, str]] = set()
        self.ended = threading.Event()
        self.url = workspace.server.url("postgres", "sandbox")
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
