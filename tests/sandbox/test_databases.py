"""The databases of the environments and their variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sandbox.starters import start
from wish_rollout.sandbox.databases import create_missing_databases, environment_variables, prepare
from wish_rollout.sandbox.errors import SandboxNameTaken
from wish_rollout.sandbox.settings import MIGRATOR

if TYPE_CHECKING:
    from wish_rollout.sandbox.server import Server


def test_prepare_returns_the_urls_of_databases_owned_by_the_migrator(own: Server) -> None:
    variables = prepare(own, ["local", "eu-prod"])
    assert sorted(variables) == ["DAGSTER_POSTGRES_URL", "EU_PROD_DATABASE_URL", "LOCAL_DATABASE_URL"]
    assert prepare(own, ["local", "eu-prod"]) == variables
    for url in variables.values():
        assert url.startswith(f"postgresql://{MIGRATOR}:")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE public.mine (a int)")
            owner = connection.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert owner == (MIGRATOR,)


def test_concurrent_processes_create_the_same_databases(own: Server) -> None:
    own.up()
    others = [start(own, "create_missing_databases(server, ['a', 'b', 'c'])") for _ in range(4)]
    for other in others:
        other.communicate(timeout=120)
    assert [other.returncode for other in others] == [0] * 4
    for name in ("a", "b", "c"):
        psycopg.connect(own.url(name)).close()


def test_database_name_that_needs_quoting(own: Server) -> None:
    own.up()
    name = 'o\'dd "name"/?#%'
    create_missing_databases(own, [name])
    with psycopg.connect(own.url(name)) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (name,)


@pytest.mark.parametrize("names", [["dagster"], ["postgres"], ["template1"], ["a-b", "a_b"]])
def test_reserved_or_ambiguous_name_is_refused(server18: Server, names: list[str]) -> None:
    with pytest.raises(SandboxNameTaken):
        environment_variables(server18, names)
