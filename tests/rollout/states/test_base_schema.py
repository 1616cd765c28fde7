"""A project that began with create_all() or a restored dump: its schema is recorded, and replays begin with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.rollout.states.project import TABLE
from wish_rollout.core.errors.planning.base_schemas import BaseSchemaNotRecorded
from wish_rollout.rollout.project.base_schema_recording import record_base

if TYPE_CHECKING:
    from tests.rollout.states.project import States

BASE = """
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE TABLE users (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind kind DEFAULT 'a', name text UNIQUE);
CREATE TABLE orders (id serial PRIMARY KEY, by int REFERENCES users, placed date CHECK (placed > '2000-01-01'));
CREATE INDEX ON orders (placed);
CREATE VIEW latest AS SELECT max(placed) FROM orders
"""


def create_base(states: States, base: str = BASE) -> None:
    for statement in base.split(";"):
        states.sql(statement)


def stamp(states: States) -> None:
    states.sql(
        "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('r1')"
    )


def init(states: States) -> None:
    result = states.cli("init", "--baseline", "prod")
    assert result.code == 0, result.err


def record(states: States) -> None:
    with states.workspace.as_current_project():
        project = states.workspace.project
        record_base(project, project.target("prod"))


def test_recorded_base_schema_is_promised_before_the_first_revision(states: States) -> None:
    create_base(states)
    states.sql("INSERT INTO users (name) VALUES ('first')")
    record(states)
    assert states.cli("drift").code == 0
    states.revision("r2", "r1", "ALTER TABLE users ADD COLUMN age int", "ALTER TABLE users DROP COLUMN age")
    states.roll_out()
    assert states.sql("SELECT name FROM users") == [("first",)]
    assert states.cli("check").code == 0


def test_empty_environment_is_refused_with_the_command_for_base_sql(states: States) -> None:
    """Nothing has drifted there: no revision creates the schema, and base.sql was not executed yet."""
    create_base(states)
    record(states)
    states.revision("r2", "r1", "ALTER TABLE users ADD COLUMN age int", "ALTER TABLE users DROP COLUMN age")
    states.sql("DROP TABLE orders, users CASCADE; DROP TYPE kind")
    path = states.workspace.root / "db/meta/base.sql"
    plan, error = states.cli("plan"), states.run("apply")
    assert f"psql -f {path}" in plan.out, plan
    assert (error.code, f"psql -f {path}" in error.err) == (6, True), error
    assert "drift prod" not in error.err
    states.sql(path.read_text())
    states.roll_out()


MODELS = """
import sqlalchemy as sa

metadata = sa.MetaData()
kind = sa.Enum("a", "b", name="kind")
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
    sa.Column("kind", kind, server_default="a"),
    sa.Column("name", sa.Text, unique=True),
    sa.Column("age", sa.Integer),
)
orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("by", sa.ForeignKey("users.id")),
    sa.Column("placed", sa.Date, sa.CheckConstraint("placed > '2000-01-01'"), index=True),
)
items = sa.Table(
    "items",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("title", sa.Text),
    sa.Column("price", sa.Integer),
)
"""


def test_models_declare_the_recorded_base_schema_too(states: States) -> None:
    create_base(states, BASE.replace("ON orders (placed)", "ix_orders_placed ON orders (placed)"))
    record(states)
    states.revision("r2", "r1", "ALTER TABLE users ADD COLUMN age int", "ALTER TABLE users DROP COLUMN age")
    (states.workspace.root / "models.py").write_text(MODELS)
    states.workspace.edit("rollout.toml", "[release]", '[release]\nmodels = "models:metadata"')
    check = states.cli("check")
    assert check.code == 0, check.out
    (states.workspace.root / "models.py").write_text(MODELS.replace('"name", sa.Text', '"nick", sa.Text'))
    check = states.cli("check")
    assert (check.code, "renamed column public.users.name" in check.out) == (5, True), check.out


def test_history_recorded_from_a_revision_on_needs_no_scratch_server(states: States) -> None:
    states.revision("r2", "r1", "ALTER TABLE items ADD COLUMN size int", "ALTER TABLE items DROP COLUMN size")
    states.migrate()
    assert states.cli("generate", "--record", "--from", "r1").code == 0
    text = (states.workspace.root / "rollout.toml").read_text()
    unreachable = re.sub("scratch = .*", 'scratch = "postgresql://127.0.0.1:1/none"', text)
    (states.workspace.root / "rollout.toml").write_text(unreachable)
    assert states.cli("drift").code == 0
    states.sql("UPDATE alembic_version SET version_num = 'unknown'")
    assert states.cli("drift").code == 4
    assert states.walk("apply") == ["apply", "apply --adopt prod"]


def test_init_records_the_schema_that_no_revision_creates(states: States) -> None:
    """Also if the revisions alter that schema, and are applied already."""
    states.revision(
        "r1",
        None,
        TABLE + "; ALTER TABLE users ADD COLUMN age int",
        "ALTER TABLE users DROP COLUMN age; DROP TABLE items",
    )
    create_base(states)
    states.sql(TABLE + "; ALTER TABLE users ADD COLUMN age int")
    states.sql("CREATE SCHEMA app; CREATE TABLE app.more (a int)")
    stamp(states)
    init(states)
    text = (states.workspace.root / "db/meta/base.sql").read_text()
    assert ("CREATE TABLE app.more" in text, "age" in text, "items" in text) == (True, False, False), text
    assert states.cli("drift").code == 0
    states.revision("r2", "r1", "ALTER TABLE users ADD COLUMN size int", "ALTER TABLE users DROP COLUMN size")
    states.roll_out()
    states.walk("rollback", "prod")


def test_extensions_that_the_schema_uses_are_recorded(each_states: States) -> None:
    """In a schema of their own, by a column, an array and an operator class; one that nothing uses is left out."""
    states = each_states
    states.workspace.as_superuser("prod", "CREATE SCHEMA ext; GRANT USAGE ON SCHEMA ext TO PUBLIC")
    for extension in ("citext SCHEMA ext", "pg_trgm", "hstore"):
        states.workspace.as_superuser("prod", f"CREATE EXTENSION {extension}")
    states.sql("CREATE TABLE users (id int PRIMARY KEY, mail ext.citext[], name text)")
    states.sql("CREATE INDEX ON users USING gin (name gin_trgm_ops)")
    states.sql(TABLE)
    stamp(states)
    init(states)
    text = (states.workspace.root / "db/meta/base.sql").read_text()
    assert "CREATE EXTENSION IF NOT EXISTS citext SCHEMA ext" in text
    assert ("pg_trgm" in text, "hstore" in text) == (True, False), text
    assert states.cli("drift").code == 0
    states.revision(
        "r2", "r1", "ALTER TABLE users ADD COLUMN nick ext.citext", "ALTER TABLE users DROP COLUMN nick"
    )
    states.roll_out()
    states.walk("rollback", "prod")


def test_init_records_nothing_where_the_revisions_create_all(states: States) -> None:
    states.migrate()
    init(states)
    assert not (states.workspace.root / "db/meta/base.sql").exists()
    assert (states.workspace.root / "db/meta/_journal.json").exists()


def test_baseline_of_an_environment_that_does_not_fit_is_refused(states: States) -> None:
    """Its revision is unknown; then its server does not answer."""
    create_base(states)
    stamp(states)
    states.sql("UPDATE alembic_version SET version_num = 'unknown'")
    assert "this release does not contain" in states.workspace.expect_error(6, "init", "--baseline", "prod")
    states.workspace.set_url("prod", "postgresql://127.0.0.1:1/none")
    assert "cannot be reached" in states.workspace.expect_error(1, "init", "--baseline", "prod")
    assert not (states.workspace.root / "db/meta").exists()


def test_schema_that_no_statements_create_is_not_recorded(states: States) -> None:
    states.workspace.as_superuser(
        "prod", "CREATE OPERATOR @@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)"
    )
    with pytest.raises(BaseSchemaNotRecorded):
        record(states)
    assert not (states.workspace.root / "db/meta/base.sql").exists()


def test_schema_is_recorded_as_far_back_as_the_downgrades_lead(states: States) -> None:
    """The first downgrade cannot be executed; the later ones can, so the later revisions can be rolled back."""
    states.revision("r1", None, TABLE, "SELECT 1 / 0")
    for number, column in ((2, "age"), (3, "size"), (4, "place")):
        states.revision(
            f"r{number}",
            f"r{number - 1}",
            f"ALTER TABLE users ADD COLUMN {column} int",
            f"ALTER TABLE users DROP COLUMN {column}",
        )
    create_base(states)
    states.sql(TABLE + "; ALTER TABLE users ADD age int, ADD size int, ADD place int")
    stamp(states)
    states.sql("UPDATE alembic_version SET version_num = 'r4'")
    result = states.cli("init", "--baseline", "prod")
    assert (result.code, "base.sql has the schema of prod at r1" in result.err) == (0, True), result
    assert states.cli("drift").code == 0
    states.roll_out()
    states.walk("rollback", "prod", "--to", "r2")
    assert states.sql("SELECT version_num FROM alembic_version") == [("r4",)]
    assert states.workspace.cli("log", "prod").out.count("rollback") >= 1


def test_schema_with_another_order_of_columns_is_recorded_from_a_later_revision(states: States) -> None:
    """create_all() has put a column of r2 before one that is older."""
    states.revision("r1", None, TABLE, "SELECT 1 / 0")
    for number, column in ((2, "age"), (3, "size")):
        states.revision(
            f"r{number}",
            f"r{number - 1}",
            f"ALTER TABLE users ADD COLUMN {column} int",
            f"ALTER TABLE users DROP COLUMN {column}",
        )
    create_base(states, BASE.replace("kind kind", "age int, kind kind"))
    states.sql(TABLE + "; ALTER TABLE users ADD size int")
    stamp(states)
    states.sql("UPDATE alembic_version SET version_num = 'r3'")
    result = states.cli("init", "--baseline", "prod")
    assert (result.code, "base.sql has the schema of prod at r2" in result.err) == (0, True), result
    assert states.cli("drift").code == 0


def test_schema_is_recorded_where_the_upgrades_lead_to_the_live_one(states: States) -> None:
    """The downgrade of r2 can be executed, and does not lead back."""
    states.revision("r1", None, TABLE, "SELECT 1 / 0")
    states.revision("r2", "r1", "ALTER TABLE users ADD COLUMN age int", "SELECT 1")
    states.revision("r3", "r2", "ALTER TABLE users ADD COLUMN size int", "ALTER TABLE users DROP COLUMN size")
    create_base(states)
    states.sql(TABLE + "; ALTER TABLE users ADD age int, ADD size int")
    stamp(states)
    states.sql("UPDATE alembic_version SET version_num = 'r3'")
    result = states.cli("init", "--baseline", "prod")
    assert (result.code, "base.sql has the schema of prod at r2" in result.err) == (0, True), result
    assert states.cli("drift").code == 0
