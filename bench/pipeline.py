"""The rollout to all environments, compared with one ``alembic upgrade head`` process for each environment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from wish_rollout.config import load_config
from wish_rollout.rollout.servers.project_sandbox import start, variables
from wish_rollout.sandbox.settings import ADMIN

BIN = Path(sys.executable).parent
LIMIT = 3.0


def measure(runs: int) -> dict[str, object]:
    """Measure both in turns on empty databases of a running sandbox; return medians in seconds and the ratio."""
    config = load_config()
    server = start(config)
    environment = {**os.environ, **variables(config, server)}
    names = [env.name for env in config.environment]
    ours, alembic = [], []
    for _ in range(runs + 1):  # the first run is not counted
        # Dagster remembers the ledger of prod, and the gate stays closed on one that has lost its rows
        recreate_databases(server.url("postgres", ADMIN), [*names, "dagster"])
        timed([[str(BIN / "wish-rollout"), "requests"]], environment)  # creates Dagster's tables
        ours.append(timed([[str(BIN / "wish-rollout"), "sandbox", "rollout"]], environment))
        recreate_databases(server.url("postgres", ADMIN), names)
        commands = [[str(BIN / "alembic"), "upgrade", "head"] for _ in names]
        urls = [{**environment, "DATABASE_URL": server.url(name)} for name in names]
        alembic.append(sum(timed([command], env) for command, env in zip(commands, urls, strict=True)))
    ratio = median([a / b for a, b in zip(ours[1:], alembic[1:], strict=True)])
    return {
        "name": f"rollout to {len(names)} environments, against {len(names)} runs of alembic upgrade head",
        "detail": f"{median(ours[1:]):.2f} s against {median(alembic[1:]):.2f} s",
        "ours": median(ours[1:]),
        "theirs": median(alembic[1:]),
        "ratio": ratio,
        "limit": LIMIT,
        "kept": ratio <= LIMIT,
    }


def timed(commands: list[list[str]], environment: dict[str, str]) -> float:
    """Run commands one after the other; return the elapsed seconds."""
    started = time.perf_counter()
    for command in commands:
        subprocess.run(
            command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    return time.perf_counter() - started


def recreate_databases(admin: str, names: list[str]) -> None:
    """Drop and create the databases of the environments."""
    with psycopg.connect(admin, autocommit=True) as connection:
        for name in names:
            connection.execute(f'drop database if exists "{name}" with (force)')
            connection.execute(f'create database "{name}" owner rollout')


def median(values: list[float]) -> float:
    """Give the middle one."""
    return sorted(values)[len(values) // 2]
