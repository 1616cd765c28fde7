"""AWS IAM authentication with real boto3 tokens, which reach a real server over TLS as passwords."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.fix_replica import SECONDS, Node
from tests.gate.aws import ACCESS_KEY, HOST, REGION, ROLE, SECRET_KEY, Directory, Judge, make_certificates
from tests.gate.test_secrets import PROD, files, stored
from tests.servers import bindir_of
from wish_rollout.core.errors.databases import DatabaseUnreachable, LoginRefused
from wish_rollout.sandbox import processes, server_location
from wish_rollout.sandbox.ports import choose_free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Workspace

DEBIAN = 15
"""The Debian build supports LDAP, the embedded one does not."""
HBA = """
hostssl all {role} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={port} ldapprefix="uid=" ldapsuffix=",dc=aws"
host all postgres 127.0.0.1/32 trust
"""


@pytest.fixture(scope="module")
def rds() -> Iterator[tuple[Node, Judge]]:
    """A server that accepts only tokens for one role, as RDS does, and the checker of the tokens."""
    if bindir_of(DEBIAN) is None:
        pytest.skip(f"PostgreSQL {DEBIAN} is not here")
    folder = Path(tempfile.mkdtemp(prefix="wish-aws-", dir=server_location.COMMON))
    node = Node(folder, f"wish_aws_{secrets.token_hex(4)}", choose_free_port(), DEBIAN)
    server_location.give_to_server_user(folder)
    try:
        with Directory(Judge(node.port)) as directory:
            node.make()
            data = folder / node.name
            make_certificates(data)
            for name in ("server.crt", "server.key"):
                server_location.give_to_server_user(data / name)
            (data / "pg_hba.conf").write_text(HBA.format(role=ROLE, port=directory.server_address[1]))
            node.start("-c ssl=on")
            with psycopg.connect(node.url("postgres"), autocommit=True) as connection:
                connection.execute(f"create role {ROLE} login".encode())
            yield node, directory.judge
    finally:
        processes.stop_processes(node.name, SECONDS)
        shutil.rmtree(folder)


@pytest.fixture
def aws(workspace: Workspace, rds: tuple[Node, Judge], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Set the URL of prod to this server, with credentials for tokens."""
    (node, judge), name = rds, f"prod_{secrets.token_hex(4)}"
    judge.seen.clear()
    with psycopg.connect(node.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} owner {ROLE}".encode())
    shutil.copy(node.folder / node.name / "bundle.pem", workspace.root / "bundle.pem")
    for variable, value in {"ACCESS_KEY_ID": ACCESS_KEY, "SECRET_ACCESS_KEY": SECRET_KEY}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(import_module("boto3"), "DEFAULT_SESSION", None)  # it keeps what it found for good
    workspace.edit("rollout.toml", PROD, f'{PROD}aws_iam = true\naws_region = "{REGION}"\n')
    workspace.database_urls["prod"] = node.url(name)
    options = f"hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={workspace.root / 'bundle.pem'}"
    workspace.set_url("prod", f"postgresql://{ROLE}@{HOST}:{node.port}/{name}?{options}")
    return judge


def test_rollout_uses_new_tokens_and_stores_none(workspace: Workspace, aws: Judge) -> None:
    workspace.roll_out()
    assert workspace.revision("prod") == "0007"
    assert len(aws.seen) > 5
    names, tokens = zip(*aws.seen, strict=True)
    assert set(names) == {f"uid={ROLE},dc=aws"}

    target, second = workspace.project.target("prod"), int(time.time())
    while int(time.time()) == second:  # a token is made for a second
        time.sleep(0.02)
    with target.connect() as connection:
        ssl = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        assert connection.execute(ssl).fetchone() == (True,)
        assert aws.seen[-1][1] not in tokens

    signatures = [token.rpartition("=")[2] for _, token in aws.seen]
    places = [*stored(workspace), *files(workspace)]
    for secret in {*signatures, SECRET_KEY}:
        assert [where for where, text in places if secret in text] == []


def test_no_token_in_debug_logs(workspace: Workspace, aws: Judge, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), workspace.project.target("prod").connect():
        logging.getLogger("botocore.auth").debug("it can be heard again")
    signature = aws.seen[-1][1].rpartition("=")[2]
    assert (signature in caplog.text, SECRET_KEY in caplog.text) == (False, False)
    assert "it can be heard again" in caplog.text


def test_server_without_a_valid_certificate_gets_no_token(workspace: Workspace, aws: Judge) -> None:
    url = workspace.urls["prod"]
    workspace.set_url("prod", url.replace(HOST, f"other.{HOST}"))
    with (
        pytest.raises(DatabaseUnreachable, match="does not match host name"),
        workspace.project.target("prod").connect(),
    ):
        pass
    workspace.set_url("prod", url)
    make_certificates(workspace.root)  # another bundle
    with pytest.raises(DatabaseUnreachable, match="SSL error"), workspace.project.target("prod").connect():
        pass
    assert aws.seen == []


def test_token_of_another_region_is_refused_and_not_shown(workspace: Workspace, aws: Judge) -> None:
    workspace.edit("rollout.toml", REGION, "us-east-1")
    with pytest.raises(LoginRefused) as caught, workspace.project.target("prod").connect():
        pass
    ((_, token),) = set(aws.seen)
    assert "us-east-1" in token
    assert "X-Amz" not in str(caught.value)


def test_error_for_missing_credentials(
    workspace: Workspace, aws: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    said = workspace.expect_error(2, "apply")
    assert "boto3: NoCredentialsError" in said
    assert aws.seen == []
