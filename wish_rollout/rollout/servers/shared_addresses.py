"""The addresses of all databases that rollout.toml names: no target of a fleet may belong to another environment."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.plans import EnvironmentsShareDatabase
from wish_rollout.rollout.servers.fleet_targets import database_address, read_fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Config, Environment


def refuse_shared_addresses(config: Config) -> None:
    """Raise EnvironmentsShareDatabase if URLs of two environments, one of them a fleet, name one database.

    Connects to none of them. Two single environments are compared by ``refuse_same_database``.
    An environment or a fleet whose URLs cannot be read is left out: whatever uses it raises that error.
    """
    first: dict[tuple[str, ...], tuple[Environment, str]] = {}
    for env in config.environments:
        addresses: list[tuple[str, tuple[str, ...]]] = []
        with suppress(RolloutError):
            addresses = list(_addresses(config, env))
        for name, address in addresses:
            owner, other = first.setdefault(address, (env, name))
            if owner.name != env.name and (owner.is_fleet or env.is_fleet):
                raise EnvironmentsShareDatabase(name, other)


def _addresses(config: Config, env: Environment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the names and addresses of an environment's databases."""
    if not env.is_fleet:
        yield env.name, database_address(config.url(env), env.source)
        return
    for target in read_fleet(config, env):
        yield target.environment.name, database_address(target.url, target.environment.source)
