"""Three roles with no more rights than each needs, as a script that an administrator runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from wish_rollout.postgres.records.journal import TABLE as JOURNAL
from wish_rollout.postgres.records.ledger import TABLE

if TYPE_CHECKING:
    from typing import LiteralString

SCRIPT: LiteralString = """\
-- The three roles of the database {database}. Run it in that database, as a superuser, once:
--     psql -v ON_ERROR_STOP=1 -d {database} -f roles.sql
-- {reader}: status, drift, diff, snapshot, verify, plan, log, and the drift sensors. Reads no row of a table.
-- {migrator}: apply and rollback. It owns the database and what the scripts create; it may only append to
--     the ledger, not change it. In rollout.toml, under this environment: migrator = {migrator_text}
--     What is there already stays whose it is, which is drift then: REASSIGN OWNED BY … TO {migrator};
-- {owner}: owns the ledger. Nobody logs in as it.
-- Passwords are yours to set: \\password {reader}, \\password {migrator}

begin;
create role {owner} nologin;
create role {migrator} login;
create role {reader} login;
alter database {database} owner to {migrator};
revoke create, temporary on database {database} from public;
grant connect on database {database} to {reader};

-- Alembic's own table, made beforehand so that the reader may read it.
create table if not exists {table} (version_num varchar(32) not null constraint {key} primary key);
alter table {table} owner to {migrator};
grant select on {table} to {reader};

create schema if not exists wish_rollout;
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


def script(database: str, prefix: str, version_table: str, *, ledger: bool = False) -> str:
    """Write the script. ``prefix`` goes before the roles' names; ``ledger``: there is one already."""
    schema, _, name = version_table.rpartition(".")
    values = {
        "database": sql.Identifier(database),
        "table": sql.Identifier(schema, name),
        "key": sql.Identifier(f"{name}_pkc"),
        "migrator_text": sql.SQL('"' + f"{prefix}_migrator" + '"'),
        **{role: sql.Identifier(f"{prefix}_{role}") for role in ("reader", "migrator", "owner")},
    }
    made = sql.SQL("") if ledger else sql.SQL(TABLE)
    parts = (sql.SQL(SCRIPT).format(**values), made, sql.SQL(JOURNAL), sql.SQL(GRANTS).format(**values))
    return sql.Composed(parts).as_string(None)
