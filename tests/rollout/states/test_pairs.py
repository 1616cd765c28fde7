"""Two states at once: from each pair, the commands in the hints lead to an environment in step.

``WISH_ALL_PAIRS=1`` runs every pair; otherwise each state is met twice.
"""

from __future__ import annotations

import os
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.test_walk import add_revision, at_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.rollout.states.project import States


def ledger_lost(states: States) -> None:
    states.sql("DROP SCHEMA wish_rollout CASCADE")


def row_lost(states: States) -> None:
    states.sql("DELETE FROM alembic_version")


def row_unknown(states: States) -> None:
    states.sql("DELETE FROM alembic_version; INSERT INTO alembic_version VALUES ('gone')")


def index_added(states: States) -> None:
    states.sql("CREATE INDEX hotfix ON items (price)")


def index_invalid(states: States) -> None:
    states.sql("INSERT INTO items VALUES (2, 'brick', 5)")
    with pytest.raises(Exception, match="could not create unique index"):
        states.sql("CREATE UNIQUE INDEX CONCURRENTLY by_title ON items (title)")


def platform_changed(states: States) -> None:
    states.workspace.as_superuser("prod", "CREATE SCHEMA platform; CREATE EXTENSION pg_trgm SCHEMA platform")


def columns_in_other_order(states: States) -> None:
    states.sql("ALTER TABLE items DROP COLUMN title; ALTER TABLE items ADD COLUMN title text")
    states.sql("UPDATE items SET title = 'brick'")


STATES = (
    ledger_lost,
    row_lost,
    row_unknown,
    index_added,
    index_invalid,
    platform_changed,
    columns_in_other_order,
    add_revision,
)
ROWS = {row_lost, row_unknown}
PAIRS = [pair for pair in combinations(STATES, 2) if not ROWS.issuperset(pair)]
SAMPLE = [(one, STATES[(place + 3) % len(STATES)]) for place, one in enumerate(STATES)]
CHOSEN = PAIRS if os.environ.get("WISH_ALL_PAIRS") else SAMPLE


@pytest.mark.parametrize("pair", CHOSEN, ids=["-".join(each.__name__ for each in pair) for pair in CHOSEN])
def test_hints_lead_from_two_states_to_an_environment_in_step(
    states: States, pair: tuple[Callable[[States], None], ...]
) -> None:
    at_head(states)
    for state in pair:
        state(states)
    states.walk("apply")
    assert states.sql("SELECT id, title, price FROM items WHERE id = 1") == [(1, "brick", 5)]
