"""Generates the script that creates three roles with the least privileges; an administrator runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from wish_rollout.postgres.records.journal import TABLE as JOURNAL
from wish_rollout.postgres.records.ledger import TABLE

if TYPE_CHECKING:
    from typing import LiteralString

SCRIPT: LiteralString = """\
-- Creates the three roles of the database {database}. Run it once, in that database, as a superuser:
--     psql -v ON_ERROR_STOP=1 -d {database} -f roles.sql
-- {reader}: status, drift, diff, snapshot, verify, plan, log, and the drift sensors. It cannot read rows of your tables.
-- {migrator}: apply and rollback. It owns the database and the objects that the scripts create. It can append rows
--     to the ledger, but not change them. Only it can read what rollbacks archive.
--     Add to this environment in rollout.toml: migrator = {migrator_text}
--     Existing objects keep their owner, which is reported as drift. To change it: REASSIGN OWNED BY … TO {migrator};
-- {owner}: owns the ledger. It cannot log in.
-- Then set the passwords: \\password {reader}, \\password {migrator}

begin;
create role {owner} nologin;
create role {migrator} login;
create role {reader} login;
alter database {database} owner to {migrator};
revoke create, temporary on database {database} from public;
grant connect on database {database} to {reader};

-- Alembic's version table, created here so that {reader} can be granted access to it.
create table if not exists {table} (version_num varchar(32) not null constraint {key} primary key);
alter table {table} owner to {migrator};
grant select on {table} to {reader};

create schema if not exists wish_rollout;

-- For rows that rollbacks archive. Nobody else has privileges there.
create schema if not exists wish_rollout_archive;
alter schema wish_rollout_archive owner to {migrator};
revoke all on schema wish_rollout_archive from public, {reader};
"""
GRANTS: LiteralString = """
alter table wish_rollout.ledger owner to {owner};
alter table wish_rollout.journal owner to {owner};
alter function wish_rollout.refuse_change() owner to {owner};
alter function wish_rollout.refuse_gap() owner to {owner};
alter schema wish_rollout owner to {owner};
revoke all on schema wish_rollout from public;
revoke all on wish_rollout.ledger from {migrator}, {reader};
grant usage on schema wish_rollout to {migrator}, {reader};
grant select on wish_rollout.ledger to {migrator}, {reader};
grant insert on wish_rollout.ledger to {migrator};
grant select, insert, update, delete on wish_rollout.journal to {migrator};
grant select (release, revision, statement, nth, expected, started, finished) on wish_rollout.journal to {reader};
commit;
"""


def role_script(database: str, prefix: str, version_table: str, *, ledger: bool = False) -> str:
    """Return the script that creates the roles of a database.

    ``prefix``: the beginning of the names of the roles. ``version_table``: Alembic's version table as
    ``schema.table``. ``ledger``: whether the ledger exists already.
    """
    schema, _, name = version_table.rpartition(".")
    values = {
        "database": sql.Identifier(database),
        "table": sql.Identifier(schema, name),
        "key": sql.Identifier(f"{name}_pkc"),
        "migrator_text": sql.SQL('"' + f"{prefix}_migrator" + '"'),
        **{role: sql.Identifier(f"{prefix}_{role}") for role in ("reader", "migrator", "owner")},
    }
    create_ledger = sql.SQL("") if ledger else sql.SQL(TABLE)
    parts = (
        sql.SQL(SCRIPT).format(**values),
        create_ledger,
        sql.SQL(JOURNAL),
        sql.SQL(GRANTS).format(**values),
    )
    return sql.Composed(parts).as_string(None)
