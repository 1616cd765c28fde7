"""The table ``wish_rollout.ddl_log`` and the event triggers that fill it, for the question who has changed a schema.

The triggers record DDL and never prevent it: each error is ignored, and a lock on the table is waited for at most 50 ms.
Sources: PostgreSQL manual, "Event Triggers", "Event Trigger Functions", "Trapping Errors" (PL/pgSQL).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from wish_rollout.core.errors.watch import WatchRefused
from wish_rollout.core.plan.ddl_record import DdlRecord

if TYPE_CHECKING:
    import psycopg

INSTALL: LiteralString = """\
begin;
drop event trigger if exists wish_rollout_ddl_log;
drop event trigger if exists wish_rollout_drop_log;
create table if not exists wish_rollout.ddl_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    who text not null default session_user,
    application text not null default current_setting('application_name'),
    command text not null,
    object text not null
);
comment on table wish_rollout.ddl_log is 'DDL in this database, recorded by event triggers of Wish Rollout.';
grant select on wish_rollout.ddl_log to public;
create or replace function wish_rollout.log_ddl() returns event_trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
begin
    insert into wish_rollout.ddl_log (command, object)
    select distinct c.command_tag, concat_ws(' ', c.object_type, c.object_identity)
      from pg_event_trigger_ddl_commands() c
     where c.schema_name is null or (c.schema_name <> 'wish_rollout' and c.schema_name !~ '^pg_temp');
exception when others then
    null;
end $$;
create or replace function wish_rollout.log_drop() returns event_trigger language plpgsql
    security definer set search_path = pg_catalog, pg_temp set lock_timeout = '50ms' as $$
begin
    insert into wish_rollout.ddl_log (command, object)
    select distinct tg_tag, concat_ws(' ', o.object_type, o.object_identity)
      from pg_event_trigger_dropped_objects() o
     where o.original and not o.is_temporary and o.schema_name is distinct from 'wish_rollout';
exception when others then
    null;
end $$;
create event trigger wish_rollout_ddl_log on ddl_command_end execute function wish_rollout.log_ddl();
create event trigger wish_rollout_drop_log on sql_drop execute function wish_rollout.log_drop();
commit;
"""
UNINSTALL: LiteralString = """\
begin;
drop event trigger if exists wish_rollout_ddl_log;
drop event trigger if exists wish_rollout_drop_log;
drop function if exists wish_rollout.log_ddl();
drop function if exists wish_rollout.log_drop();
drop table if exists wish_rollout.ddl_log;
commit;
"""
SUITABLE: LiteralString = """
select r.rolsuper, to_regnamespace('wish_rollout') is not null from pg_catalog.pg_roles r where r.rolname = current_user
"""
READABLE: LiteralString = """
select coalesce(has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT'), false)
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'wish_rollout' and c.relname = 'ddl_log'
"""
READ: LiteralString = """
select to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), who, application, command, object from (
    select * from wish_rollout.ddl_log where at > coalesce((select max(l.at) from wish_rollout.ledger l), '-infinity')
     order by id desc limit %s) as newest
 order by id
"""


def install_ddl_log(connection: psycopg.Connection[Any], environment: str) -> None:
    """Create the table and the event triggers, or replace them. Raises WatchRefused."""
    _refuse_unsuitable(connection, environment, "install")
    connection.execute(INSTALL)


def uninstall_ddl_log(connection: psycopg.Connection[Any], environment: str) -> None:
    """Drop the event triggers and the table with its rows, if they exist. Raises WatchRefused."""
    _refuse_unsuitable(connection, environment, "uninstall")
    connection.execute(UNINSTALL)


def read_ddl_since_last_change(connection: psycopg.Connection[Any], most: int = 20) -> tuple[DdlRecord, ...]:
    """Return the newest records that are later than the ledger's last row; none if the role may not read them."""
    readable = connection.execute(READABLE).fetchone()
    if not (readable and readable[0]):
        return ()
    return tuple(DdlRecord(*row) for row in connection.execute(READ, [most]))


def _refuse_unsuitable(connection: psycopg.Connection[Any], environment: str, action: str) -> None:
    """Only a superuser can create an event trigger (manual, CREATE EVENT TRIGGER)."""
    row = connection.execute(SUITABLE).fetchone()
    is_superuser, has_schema = row or (False, False)
    if action == "install" and not has_schema:
        raise WatchRefused(
            environment, action, "the schema wish_rollout does not exist before the first rollout"
        )
    if not is_superuser:
        raise WatchRefused(environment, action, "the role is not a superuser")
