"""The session that a worker holds for all its work on a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fix_fleet import Fleet

REPETITIONS = 8
"""psycopg prepares a statement when it is executed for the sixth time."""


def test_a_held_session_prepares_no_statement_that_a_reset_would_deallocate(fleet: Fleet) -> None:
    fleet.add("a")
    (target,) = fleet.targets
    with fleet.workspace.project.target_at(target.environment, target.url).with_one_session() as held:
        with held.connect() as connection:
            for number in range(REPETITIONS):
                connection.execute("select %s", [number])
            prepared = connection.execute("select name from pg_prepared_statements").fetchall()
        with held.connect() as connection:
            assert connection.execute("select %s", [1]).fetchone() == (1,)
    assert prepared == []
