"""The targets of a fleet: the list from its file, command or query, with the URL of each target."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg

from wish_rollout.addresses import command_output
from wish_rollout.config import SANDBOX_VARIABLE, FleetMember
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.fleets.rollouts import FleetNotInSandbox, UnknownFleetTarget
from wish_rollout.core.errors.fleets.target_lists import (
    TargetListFailed,
    TargetsShareDatabase,
    UrlTemplateInvalid,
)
from wish_rollout.core.fleet.target_list import (
    ListedTarget,
    fill_template,
    has_placeholder,
    listed_target,
    parse_list,
    refuse_empty_or_repeated,
)
from wish_rollout.core.text.redaction import redact
from wish_rollout.postgres.facts.target_query import read_rows
from wish_rollout.postgres.sessions.connections import connect, parse_url

if TYPE_CHECKING:
    from wish_rollout.config import Config, Environment
    from wish_rollout.config.targets import TargetsConfig


@dataclass(frozen=True, slots=True)
class FleetTarget:
    """A target of a fleet. ``url``: a secret, so it is in no repr."""

    environment: FleetMember
    listed: ListedTarget
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """The name of the target, without that of the fleet."""
        return self.listed.name


def read_fleet(config: Config, env: Environment) -> tuple[FleetTarget, ...]:
    """Return all targets of a fleet, in the order of the list.

    Raises FleetNotInSandbox, TargetListFailed, TargetListEmpty, TargetInvalid, TargetNamedTwice, TargetAttributeMissing,
    UrlTemplateInvalid, TargetsShareDatabase, and what reading the URL template raises.
    """
    if os.environ.get(SANDBOX_VARIABLE):
        raise FleetNotInSandbox(env.name)
    listed = read_list(config, env)
    template = "" if all(each.url for each in listed) else _template(config, env)
    targets = tuple(
        FleetTarget(FleetMember.of(env, each.name), each, each.url or fill_template(env.name, template, each))
        for each in listed
    )
    _refuse_same_address(env, targets)
    return targets


def find_fleet_target(config: Config, member: FleetMember) -> FleetTarget:
    """Return one target of a fleet. Raises UnknownFleetTarget, and as ``read_fleet``."""
    for target in read_fleet(config, config.find_environment(member.fleet)):
        if target.name == member.target:
            return target
    raise UnknownFleetTarget(member.fleet, "target", member.target)


def read_list(config: Config, env: Environment) -> list[ListedTarget]:
    """Return the entries of a fleet's list. Raises as ``read_fleet``, except for the URLs."""
    source = env.targets
    assert source is not None
    by_query = bool(source.query)
    listed = _query_list(env, source) if by_query else parse_list(env.name, _list_text(config, env, source))
    refuse_empty_or_repeated(env.name, source.source, listed)
    return listed


def _list_text(config: Config, env: Environment, source: TargetsConfig) -> str:
    if source.file is not None:
        try:
            return (config.root / source.file).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise TargetListFailed(env.name, source.source, reason) from None
    _, output, reason = command_output(source.command or "", config.root)
    if reason:
        raise TargetListFailed(env.name, source.source, reason)
    return output


def _query_list(env: Environment, source: TargetsConfig) -> list[ListedTarget]:
    variable = source.url_variable
    url = os.environ.get(variable)
    if not url:
        raise TargetListFailed(env.name, source.source, f"{variable} is not set")
    try:
        with connect(url, variable, timeout=env.connect_timeout) as connection:
            rows = read_rows(connection, source.query)
    except (psycopg.Error, ValueError) as error:
        reason = redact(str(error).strip().splitlines()[0]).rstrip(".")
        raise TargetListFailed(env.name, source.source, reason) from None
    except RolloutError as error:
        raise TargetListFailed(env.name, source.source, error.fill(error.summary).rstrip(".")) from None
    return [
        listed_target(env.name, f"in row {number}", values) for number, values in enumerate(rows, start=1)
    ]


def _template(config: Config, env: Environment) -> str:
    template = config.url(env)
    if not has_placeholder(template):
        raise UrlTemplateInvalid(env.name, env.source)
    return template


def database_address(url: str, source: str) -> tuple[str, ...]:
    """Return what a URL says about which database it leads to: the service, the host, the port and the name.

    ``source``: where the URL comes from, for errors. Raises DatabaseUrlMalformed.
    """
    parameters = parse_url(url, source)
    database = parameters.get("dbname") or parameters.get("user")
    host = parameters.get("hostaddr") or parameters.get("host")
    service, port = parameters.get("service") or "", parameters.get("port") or 5432
    return str(service), str(host or ""), str(port), str(database or "")


def _refuse_same_address(env: Environment, targets: tuple[FleetTarget, ...]) -> None:
    """Raise TargetsShareDatabase if two URLs name one database, whatever their roles and options are."""
    first: dict[tuple[str, ...], str] = {}
    for target in targets:
        address = database_address(target.url, target.environment.source)
        if (other := first.setdefault(address, target.name)) != target.name:
            raise TargetsShareDatabase(env.name, target.name, other)
