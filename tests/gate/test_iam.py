"""AWS IAM for real: boto3's token reaches a real server as the password, over TLS, a fresh one each time."""

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
from wish_rollout.core.errors.databases import LoginRefused, DatabaseUnreachable
from wish_rollout.sandbox import processes, server_location
from wish_rollout.sandbox.cluster import _free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road

DEBIAN = 15
"""It is built with LDAP, which the wheel is not."""
HBA = """
hostssl all {role} 127.0.0.1/32 ldap ldapserver=127.0.0.1 ldapport={port} ldapprefix="uid=" ldapsuffix=",dc=aws"
host all postgres 127.0.0.1/32 trust
"""


@pytest.fixture(scope="module")
def rds() -> Iterator[tuple[Node, Judge]]:
    """A server that takes tokens alone for one of its roles, as one of RDS does; and who judges them."""
    if bindir_of(DEBIAN) is None:
        pytest.skip(f"PostgreSQL {DEBIAN} is not here")
    folder = Path(tempfile.mkdtemp(prefix="wish-aws-", dir=server_location.COMMON))
    node = Node(folder, f"wish_aws_{secrets.token_hex(4)}", _free_port(), DEBIAN)
    server_location.give(folder)
    try:
        with Directory(Judge(node.port)) as directory:
            node.make()
            data = folder / node.name
            make_certificates(data)
            for name in ("server.crt", "server.key"):
                server_location.give(data / name)
            (data / "pg_hba.conf").write_text(HBA.format(role=ROLE, port=directory.server_address[1]))
            node.start("-c ssl=on")
            with psycopg.connect(node.url("postgres"), autocommit=True) as connection:
                connection.execute(f"create role {ROLE} login".encode())
            yield node, directory.judge
    finally:
        processes.stop(node.name, SECONDS)
        shutil.rmtree(folder)


@pytest.fixture
def aws(road: Road, rds: tuple[Node, Judge], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Have prod there, with credentials to make tokens with."""
    (node, judge), name = rds, f"prod_{secrets.token_hex(4)}"
    judge.seen.clear()
    with psycopg.connect(node.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} owner {ROLE}".encode())
    shutil.copy(node.folder / node.name / "bundle.pem", road.root / "bundle.pem")
    for variable, value in {"ACCESS_KEY_ID": ACCESS_KEY, "SECRET_ACCESS_KEY": SECRET_KEY}.items():
        monkeypatch.setenv(f"AWS_{variable}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(import_module("boto3"), "DEFAULT_SESSION", None)  # it keeps what it found for good
    road.edit("rollout.toml", PROD, f'{PROD}aws_iam = true\naws_region = "{REGION}"\n')
    road.made["prod"] = node.url(name)
    options = f"hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={road.root / 'bundle.pem'}"
    road.point("prod", f"postgresql://{ROLE}@{HOST}:{node.port}/{name}?{options}")
    return judge


def test_a_whole_rollout_logs_in_by_fresh_tokens_and_leaves_none_behind(road: Road, aws: Judge) -> None:
    road.roll_out()
    assert road.revision("prod") == "0007"
    assert len(aws.seen) > 5
    names, tokens = zip(*aws.seen, strict=True)
    assert set(names) == {f"uid={ROLE},dc=aws"}

    target, second = road.project.target("prod"), int(time.time())
    while int(time.time()) == second:  # a token is made for a second
        time.sleep(0.02)
    with target.connect() as connection:
        ssl = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        assert connection.execute(ssl).fetchone() == (True,)
        assert aws.seen[-1][1] not in tokens

    signatures = [token.rpartition("=")[2] for _, token in aws.seen]
    places = [*stored(road), *files(road)]
    for secret in {*signatures, SECRET_KEY}:
        assert [where for where, text in places if secret in text] == []


def test_a_token_is_in_no_log_however_much_is_logged(
    road: Road, aws: Judge, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), road.project.target("prod").connect():
        logging.getLogger("botocore.auth").debug("it can be heard again")
    signature = aws.seen[-1][1].rpartition("=")[2]
    assert (signature in caplog.text, SECRET_KEY in caplog.text) == (False, False)
    assert "it can be heard again" in caplog.text


def test_a_server_that_cannot_prove_who_it_is_sees_no_token(road: Road, aws: Judge) -> None:
    url = road.urls["prod"]
    road.point("prod", url.replace(HOST, f"other.{HOST}"))
    with pytest.raises(DatabaseUnreachable, match="does not match host name"), road.project.target("prod").connect():
        pass
    road.point("prod", url)
    make_certificates(road.root)  # another bundle
    with pytest.raises(DatabaseUnreachable, match="SSL error"), road.project.target("prod").connect():
        pass
    assert aws.seen == []


def test_a_token_for_another_region_is_refused_and_not_shown(road: Road, aws: Judge) -> None:
    road.edit("rollout.toml", REGION, "us-east-1")
    with pytest.raises(LoginRefused) as caught, road.project.target("prod").connect():
        pass
    ((_, token),) = set(aws.seen)
    assert "us-east-1" in token
    assert "X-Amz" not in str(caught.value)


def test_without_credentials_it_says_so(road: Road, aws: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    said = road.told(2, "apply")
    assert "boto3: NoCredentialsError" in said
    assert aws.seen == []
