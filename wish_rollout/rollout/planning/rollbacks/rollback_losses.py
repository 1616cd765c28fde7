"""What a rollback would destroy, and whether that is archived or refuses the rollback."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.config.rollbacks import RowPolicy
from wish_rollout.core.errors.planning.archives import ArchiveNotWritable
from wish_rollout.core.errors.planning.rollbacks import RollbackLosesRows
from wish_rollout.postgres.archives.archive_store import write_privilege_missing
from wish_rollout.postgres.archives.archive_writing import losses_with_rows, refuse_keyless
from wish_rollout.postgres.archives.session_settings import plain_text_settings
from wish_rollout.postgres.rows.rows_at_risk import count_losses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wish_rollout.config import Environment
    from wish_rollout.core.archive.losses import Loss
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.schema.snapshot import Snapshot

EARLY_TIMEOUT_MS = 10_000
CREATE_SCHEMA = (
    "CREATE SCHEMA IF NOT EXISTS wish_rollout_archive; ALTER SCHEMA wish_rollout_archive OWNER TO {role}; "
    "REVOKE ALL ON SCHEMA wish_rollout_archive FROM PUBLIC"
)


def kept_for(environment: Environment) -> str:
    """Return for how long an environment keeps what a rollback archives; empty if it archives nothing."""
    policy = environment.rollback
    return policy.keep if policy.on_rows is RowPolicy.ARCHIVE else ""


def published_archives(live: Snapshot) -> tuple[str, ...]:
    """Return a note for each publication of all tables, which publishes the archive tables as well."""
    return tuple(
        f"the publication {name} is FOR ALL TABLES, which includes the archive: at the first archived row, each subscriber"
        ' stops with the error: logical replication target relation "wish_rollout_archive.archives" does not exist; before'
        " the rollback, publish the tables by name instead, or create the schema and its tables on the subscribers"
        for name, properties in live.of_kind("publication")
        if properties.get("all tables")
    )


def refuse_losses_early(
    environment: Environment, connection: psycopg.Connection[Any], plan: EnvironmentPlan
) -> None:
    """Raise if the rollback cannot archive what it would destroy, or may not, as found without a lock.

    A search that reaches EARLY_TIMEOUT_MS, or finds a locked table or forced row security, is skipped: the rollback looks
    again while it holds locks. Raises RollbackLosesRows, ArchiveNotWritable, ArchiveNeedsKey.
    """
    unknown = (
        psycopg.errors.QueryCanceled,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.InsufficientPrivilege,  # row security is forced; the rollback does not force it
    )
    if not plan.losses.losses:
        return
    with suppress(*unknown), connection.transaction(force_rollback=True), plain_text_settings(connection):
        connection.execute(f"set local statement_timeout = {EARLY_TIMEOUT_MS}")
        found = losses_with_rows(connection, plan.losses.losses)
        refuse_losses(environment, connection, plan, found)


def refuse_losses(
    environment: Environment,
    connection: psycopg.Connection[Any],
    plan: EnvironmentPlan,
    found: Iterable[Loss],
) -> None:
    """Raise if losses that have rows cannot be archived, or may not. Call it with ``plain_text_settings``.

    Raises RollbackLosesRows, ArchiveNotWritable, ArchiveNeedsKey.
    """
    found = list(found)
    if not found:
        return
    if not plan.archive_keep:
        rows = count_losses(connection, found)
        lost = ", ".join(f"{number} in {place}" for place, number in rows.items())
        raise RollbackLosesRows(environment.name, lost)
    if reason := write_privilege_missing(connection):
        role = plan.facts.role
        raise ArchiveNotWritable(environment.name, reason, CREATE_SCHEMA.format(role=role))
    refuse_keyless(connection, environment.name, plan.losses, found)
