"""Reads interrupted acts of other releases from ``wish_rollout.journal``, whose scripts were changed since then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import quote

from wish_rollout.postgres.execution.statement_results import StatementResult
from wish_rollout.postgres.records.journal import DELETE, StatementKey, exists, project_of

if TYPE_CHECKING:
    import psycopg

EARLIER: LiteralString = """
select revision, statement, nth, gave from wish_rollout.journal
where release <> %s and starts_with(release, %s) and right(release, length(%s)) = %s and finished is not null
"""
OTHER_ROLLBACK: LiteralString = """
select split_part(release, ' down ', 2) from wish_rollout.journal
where starts_with(release, %s) and split_part(release, ' ', 3) = 'down' limit 1
"""
TAKE_OVER: LiteralString = """
insert into wish_rollout.journal (release, expected, revision, statement, nth, gave, started, finished)
select distinct on (revision, statement, nth) %s, %s, revision, statement, nth, gave, started, finished
from wish_rollout.journal where starts_with(release, %s) and right(release, length(%s)) = %s
order by revision, statement, nth, finished
on conflict do nothing
"""


def _action_of(act: str) -> str:
    """Return the end of an act's name: a space, the action, and a rollback's target."""
    return " " + act.split(" ", maxsplit=2)[2]


def find_interrupted_rollback(connection: psycopg.Connection[Any], version_table: str) -> str:
    """Return the target of an interrupted rollback of the project, whatever its release is; empty if there is none."""
    if not exists(connection):
        return ""
    row = connection.execute(OTHER_ROLLBACK, [f"{quote(version_table)} "]).fetchone()
    return str(row[0]) if row else ""


def read_earlier_statements(
    connection: psycopg.Connection[Any], act: str
) -> dict[StatementKey, StatementResult]:
    """Return the finished statements of interrupted acts of other releases, and their results.

    ``act``: the name of an act, an upgrade or a rollback; the others have the same action and the same target.
    """
    if not exists(connection):
        return {}
    rows = connection.execute(EARLIER, [act, project_of(act), _action_of(act), _action_of(act)])
    return {StatementKey(*key): StatementResult.from_json(result) for *key, result in rows}


def take_over_statements(connection: psycopg.Connection[Any], act: str, expected: str) -> None:
    """Make the statements of interrupted acts of other releases those of ``act``, in one transaction."""
    with connection.transaction():
        connection.execute(TAKE_OVER, [act, expected, project_of(act), _action_of(act), _action_of(act)])
        connection.execute(DELETE + " and release <> %s", [project_of(act), act])
