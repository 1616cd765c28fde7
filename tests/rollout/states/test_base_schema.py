"""A project that began with create_all() or a restored dump: its schema is recorded, and replays begin with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wish_rollout.core.errors.drift import BaseSchemaNotRecorded
from wish_rollout.rollout.project.base_schema_recording import record_base

if TYPE_CHECKING:
    from tests.rollout.states.conftest import States

BASE = """
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind kind DEFAULT 'a', name text UNIQUE);
CREATE TABLE orders (id serial PRIMARY KEY, by int REFERENCES users, placed date CHECK (placed > '2000-01-01'));
CREATE INDEX ON orders (placed);
CREATE VIEW latest AS SELECT max(placed) FROM orders
"""


def record(states: States) -> None:
    with states.workspace.as_current_project():
        project = states.workspace.project
        record_base(project, project.target("prod"))


def test_recorded_base_schema_is_promised_before_the_first_revision(states: States) -> None:
    for statement in BASE.split(";"):
        states.sql(statement)
    states.sql("INSERT INTO users (name) VALUES ('first')")
    record(states)
    assert states.cli("drift").code == 0
    states.revision("r2", "r1", "ALTER TABLE users ADD COLUMN age int", "ALTER TABLE users DROP COLUMN age")
    states.roll_out()
    assert states.sql("SELECT name FROM users") == [("first",)]
    assert states.cli("check").code == 0


def test_schema_that_no_statements_create_is_not_recorded(states: States) -> None:
    states.workspace.as_superuser(
        "prod", "CREATE OPERATOR @@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)"
    )
    with pytest.raises(BaseSchemaNotRecorded):
        record(states)
    assert not (states.workspace.root / "db/meta/base.sql").exists()
