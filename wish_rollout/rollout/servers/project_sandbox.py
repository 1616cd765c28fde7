"""The project's own sandbox: an embedded server with a database for each environment, and Dagster's."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from wish_rollout.config import SANDBOX_VARIABLE
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.sandbox.databases import (
    DAGSTER_DATABASE,
    DAGSTER_VARIABLE,
    RESERVED_NAMES,
    create_missing_databases,
)
from wish_rollout.sandbox.errors import SandboxNameTaken
from wish_rollout.sandbox.server import Server, embedded
from wish_rollout.signing.sandbox_key import ensure_key, remove_key

if TYPE_CHECKING:
    from pathlib import Path

    from wish_rollout.config import Config, Environment
    from wish_rollout.rollout.servers.target import Target

DAGSTER_HOME = "DAGSTER_HOME"


def sandbox(config: Config) -> Server:
    """Return the server whose state lies beside rollout.toml; raise SandboxMissing."""
    return embedded(home(config))


def home(config: Config) -> Path:
    """Return the folder of the sandbox: its server's, and its operator's key."""
    return config.root / ".sandbox"


def belongs_to_sandbox(config: Config, target: Target) -> bool:
    """Whether a target is one of the sandbox's own databases: its address, its port and its secret password.

    Only there does the sandbox's own key count, so it can approve nothing else.
    """
    return is_sandbox_url(config, target.name, target.url)


def is_sandbox_url(config: Config, name: str, url: str) -> bool:
    """Return whether a URL is the one that the sandbox has for an environment."""
    if not home(config).is_dir():
        return False
    try:
        server = Server(home(config), home(config))
        return secrets.compare_digest(url.encode(), server.url(name).encode())
    except (RolloutError, OSError, ValueError, KeyError):
        return False


IGNORED = ".gitignore"


def _environments(config: Config) -> list[Environment]:
    """Return the environments that have a database in the sandbox: a fleet has none."""
    return [env for env in config.environment if not env.is_fleet]


def start(config: Config) -> Server:
    """Start it, if need be, with all databases; idempotent."""
    for env in _environments(config):
        if env.name in RESERVED_NAMES:
            raise SandboxNameTaken(env.name, RESERVED_NAMES[env.name])
    server = sandbox(config)
    server.up()
    with suppress(OSError):  # none of it is for version control
        (home(config) / IGNORED).write_text("*\n", encoding="utf-8")
    ensure_key(home(config))
    create_missing_databases(server, [*(env.name for env in _environments(config)), DAGSTER_DATABASE])
    return server


def remove(config: Config) -> None:
    """Stop it and throw all of it away, its operator's key too."""
    remove_key(home(config))
    with suppress(OSError):
        (home(config) / IGNORED).unlink(missing_ok=True)
    sandbox(config).remove()


def variables(config: Config, server: Server) -> dict[str, str]:
    """Return what points the project at its sandbox: every environment's URL, and Dagster's database and home.

    Dagster's storage is written for psycopg2, so its URL names that driver.
    """
    urls = {env.variable: server.url(env.name) for env in _environments(config)}
    dagster = server.url(DAGSTER_DATABASE).replace("postgresql://", "postgresql+psycopg2://", 1)
    return {**urls, DAGSTER_VARIABLE: dagster, DAGSTER_HOME: str(config.root)}


def enter(config: Config) -> None:
    """Point this process at the sandbox, whatever its environment said: a sandbox never reaches production."""
    os.environ.update({**variables(config, start(config)), SANDBOX_VARIABLE: "1"})


def stay_inside(config: Config) -> None:
    """Point this process at the sandbox again, where its parent meant it to be.

    Dagster's own commands put the values of ``.env`` over the process's, and those may be real databases.
    """
    if os.environ.get(SANDBOX_VARIABLE):
        os.environ.update(variables(config, sandbox(config)))
