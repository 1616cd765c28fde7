"""The ledger rows of acts on archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.ledger import Act
from wish_rollout.core.release.release import format_position
from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.postgres.records import ledger
from wish_rollout.postgres.records.ledger_integrity import refuse_altered_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def record(
    project: Project,
    target: Target,
    connection: psycopg.Connection[Any],
    act: tuple[str, str],
    detail: Mapping[str, Any],
) -> None:
    """Append an act on an archive to the ledger, in its transaction. The schema is not changed by it.

    ``act``: its name, and who requested it.
    Raises LedgerTampered, LedgerWriteFailed.
    """
    if not ledger.create_if_missing(connection, target.name):
        refuse_altered_ledger(connection, target.name)
    facts = read_facts(connection, target.scope.version_table)
    position = format_position(facts.revisions)
    place = {"environment": target.name, "database": facts.permanent_identity}
    row = Act(*act, "", project.release_digest, "", position, position, "", "", 0, detail={**place, **detail})
    ledger.append(connection, target.name, row)
