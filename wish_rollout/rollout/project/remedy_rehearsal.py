"""Rehearsing a remedy: the live schema is built on a scratch database, and the remedy is run on it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.remedy.statements import Gap
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import summarize_delta
from wish_rollout.core.schema.scope import MIGRATOR
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot
from wish_rollout.postgres.execution.schema_rehearsal import RehearsalRun, run_rehearsal
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.sandbox.scratch_databases import scratch_database, scratch_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Config
    from wish_rollout.core.remedy.statements import Remedy
    from wish_rollout.core.schema.snapshot import Snapshot

SCRATCH = "the scratch database"


def rehearse(found: Remedy, live: Snapshot, target: Snapshot, config: Config | None) -> Remedy:
    """Return a remedy with what came of running it on a scratch database; with a gap if it fails or leaves something.

    The live schema is built by its own remedy from an empty one. Roles have the names of the snapshots, and are
    created in the transaction that is rolled back. If there is no scratch server, the remedy says so.
    """
    if not found.statements:
        return found
    try:
        with ExitStack() as stack:
            server = (config.release.scratch if config else None) or stack.enter_context(
                scratch_server(_sandbox(config))
            )
            url = stack.enter_context(scratch_database(server))
            with connect(url, SCRATCH) as connection:
                return _judged(found, live, target, connection)
    except (RolloutError, psycopg.Error) as error:
        return replace(found, rehearsal=f"not rehearsed: {_first_line(error)}")


def _sandbox(config: Config | None) -> Any:
    from wish_rollout.rollout.servers.project_sandbox import sandbox

    return sandbox(config) if config else None


def _judged(found: Remedy, live: Snapshot, target: Snapshot, connection: psycopg.Connection[Any]) -> Remedy:
    major = connection.info.server_version // 10000
    roles = Roles.of(connection.info.user, {})
    build = remedy(read_snapshot(connection), live, roles, major)
    script = remedy(live, target, roles, major)
    run = run_rehearsal(
        connection,
        {*_role_names(live), *_role_names(target)},
        [statement.sql for statement in build.statements],
        [statement.sql for statement in script.statements],
    )
    on = f"on PostgreSQL {major}"
    if reason := _not_built(run, live):
        return replace(found, rehearsal=f"not rehearsed: the live schema cannot be built {on}: {reason}")
    if run.error:
        gap = Gap("remedy", "as a whole", f"it fails in a rehearsal {on}: {run.error}")
        return replace(found, gaps=(*found.gaps, gap), rehearsal=f"rehearsed {on}: it fails")
    assert run.after is not None
    left = [
        change
        for change in difference(run.after, target).changes
        if not any(gap.kind == change.kind and gap.name == change.name for gap in found.gaps)
    ]
    if left:
        names = ", ".join(f"{change.kind} {change.name}" for change in left[:5])
        gap = Gap("remedy", "as a whole", f"a rehearsal {on} leaves differences: {names}")
        return replace(found, gaps=(*found.gaps, gap), rehearsal=f"rehearsed {on}: it leaves differences")
    return replace(found, rehearsal=f"rehearsed {on}: it runs, and leaves no other difference")


def _not_built(run: RehearsalRun, live: Snapshot) -> str:
    """Return why the scratch database does not have the live schema; empty if it does."""
    if run.build_error:
        return run.build_error
    assert run.built is not None
    left = difference(run.built, live)
    return summarize_delta(left) if left else ""


def _role_names(snapshot: Snapshot) -> Iterator[str]:
    """Yield the roles that a snapshot names."""
    for (kind, name), properties in snapshot.objects.items():
        named = [properties.get("owner"), *properties.get("privileges", ()), *properties.get("roles", ())]
        named += properties.get("identity", {}).get("privileges", ())
        if kind == "user mapping":
            named.append(name.removeprefix("FOR ").rsplit(" SERVER ", 1)[0])
        if kind == "default privileges":
            named.append(name.removeprefix("FOR ROLE ").rsplit(" ON ", 1)[0].split(" IN SCHEMA ")[0])
        for role in named:
            if role and role not in {MIGRATOR, "PUBLIC"} and not role.startswith("("):
                yield role.split(" (granted by ")[0]


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
