"""Refusals whose next step is a change of the scripts or of rollout.toml: the message names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.test_walk import add_revision, at_head, branches

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rollout.states.project import States


def merged(states: States) -> None:
    branches(states, allowed=True)
    states.migrate()


def second_head(states: States) -> None:
    states.revision("other", None, "CREATE TABLE other (a int)", "DROP TABLE other")


def missing_schema(states: States) -> None:
    """The platform's file declares a schema that prod does not have."""
    (states.workspace.root / "platform.sql").write_text("CREATE SCHEMA app;\n")
    states.workspace.edit(
        "rollout.toml", "[[environment]]", '[release.platform]\nsql = "platform.sql"\n\n[[environment]]'
    )
    states.revision("r2", "r1", "CREATE TABLE app.more (a int)", "DROP TABLE app.more")


def hazard(states: States) -> None:
    at_head(states)
    states.revision("r2", "r1", "CREATE INDEX ON items (title)", "DROP INDEX items_title_idx")


def rows(states: States) -> None:
    at_head(states)
    states.sql("UPDATE items SET title = NULL")
    up, down = (
        "ALTER TABLE items ALTER COLUMN title SET NOT NULL",
        "ALTER TABLE items ALTER title DROP NOT NULL",
    )
    states.revision("r2", "r1", up, down, '\n\nallow_hazards = {"not-null-scan": "few rows"}\n')


def behind(states: States) -> None:
    at_head(states)
    add_revision(states)


def unreadable_version_table(states: States) -> None:
    states.migrate()
    states.workspace.as_superuser("prod", "ALTER TABLE alembic_version OWNER TO CURRENT_USER")
    states.workspace.as_superuser("prod", "REVOKE ALL ON alembic_version FROM PUBLIC")


REFUSALS: list[tuple[Callable[[States], None], str, str, str]] = [
    (behind, "apply --adopt prod", "needs no adoption: its schema is that of r1", "wish-rollout apply"),
    (
        merged,
        "rollback prod",
        "Rolling 'prod' back would revert m, which merges a and b",
        "wish-rollout generate -m 'undo m'",
    ),
    (second_head, "apply", "The scripts have more than one head: other r1", "alembic merge -m 'merge'"),
    (missing_schema, "apply", "The schema app, in which the release creates objects", "CREATE SCHEMA app"),
    (hazard, "apply", "The release has hazards for 'prod'", "allow_hazards = {"),
    (unreadable_version_table, "apply", "may not read the version table", "alembic_version OWNER TO"),
    (rows, "apply", "The release would fail on rows of 'prod'", "select * from public.items"),
]


@pytest.mark.parametrize(
    ("state", "command", "message", "step"), REFUSALS, ids=[each[0].__name__ for each in REFUSALS]
)
def test_message_names_the_next_step(
    states: States, state: Callable[[States], None], command: str, message: str, step: str
) -> None:
    state(states)
    refused = states.run(*command.split())
    assert refused.code in (2, 6), refused
    text, _, hint = refused.err.partition("hint: ")
    assert message in text, refused
    assert step in hint, refused
