"""A plan says which statements were not measured, and which locks are held from one revision to the next."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.rollout.states.project import States

ADD_COLUMN = "ALTER TABLE items ADD COLUMN colour text"
UPDATE = "UPDATE items SET colour = 'red' WHERE price > 0"


def notes(states: States) -> list[str]:
    (environment,) = json.loads(states.cli("plan", "--json").out)["environments"]
    return list(environment["notes"])


def test_statements_that_were_not_measured_are_named(states: States) -> None:
    states.migrate()
    states.revision("r2", "r1", ADD_COLUMN, "ALTER TABLE items DROP COLUMN colour")
    assert states.cli("generate", "--record").code == 0
    assert notes(states) == []

    (states.workspace.root / "db/meta/r2_measurements.json").unlink()

    assert notes(states) == [f"r2: not measured, so assessed from the text: {ADD_COLUMN}"]


def test_another_version_of_the_server_is_named(states: States) -> None:
    states.migrate()
    states.revision("r2", "r1", ADD_COLUMN, "ALTER TABLE items DROP COLUMN colour")
    assert states.cli("generate", "--record").code == 0
    major = json.loads((states.workspace.root / "db/meta/_journal.json").read_text())["postgres"]
    states.workspace.edit("db/meta/_journal.json", f'"postgres": {major}', '"postgres": 14')

    assert notes(states) == [f"recorded on PostgreSQL 14, replayed for this server on PostgreSQL {major}"]


def test_lock_is_held_from_one_revision_to_the_next(states: States) -> None:
    states.migrate()
    states.sql("INSERT INTO items SELECT n, 'brick', n FROM generate_series(1, 60000) AS n; ANALYZE items")
    states.revision("r2", "r1", ADD_COLUMN, "ALTER TABLE items DROP COLUMN colour")
    states.revision("r3", "r2", UPDATE)

    (together,) = json.loads(states.cli("plan", "--json").out)["environments"]
    states.workspace.edit(
        "db/env.py", "(connection=connection)", "(connection=connection, transaction_per_migration=True)"
    )
    (apart,) = json.loads(states.cli("plan", "--json").out)["environments"]

    kinds = [{hazard["kind"] for hazard in plan["hazards"]} for plan in (together, apart)]
    assert kinds[0] > kinds[1], kinds


def test_lost_connection_of_a_rehearsal_is_named(states: States) -> None:
    states.migrate()
    ends = "DO $$ BEGIN IF current_database() LIKE 'wish_scratch%' THEN {}; END IF; END $$"
    states.revision("r2", "r1", ends.format("PERFORM pg_terminate_backend(pg_backend_pid())"))

    result = states.cli("plan")

    assert (result.code, "scratch server cannot be used, or its connection was lost" in result.err) == (
        1,
        True,
    ), result


def test_scratch_server_that_does_not_answer_is_named(states: States) -> None:
    scratch = re.search(r"scratch = .*", (states.workspace.root / "rollout.toml").read_text())
    assert scratch
    states.workspace.edit("rollout.toml", scratch[0], 'scratch = "postgresql://nobody@127.0.0.1:1/postgres"')

    result = states.cli("plan")

    assert (result.code, "No scratch database can be created" in result.err) == (2, True), result
