"""Checks that ``wish_rollout.ledger`` is the table that this program created, with its triggers, owner and rights.

A view, a foreign table, a rule, a policy or a disabled trigger in its place could hide, change or invent rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, LiteralString

from wish_rollout.core.errors.gate.ledger import LedgerTampered
from wish_rollout.postgres.records.ledger import TABLE, exists
from wish_rollout.postgres.sessions.read_transaction import lock_timeout_transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

RELATION: LiteralString = """
select pg_catalog.jsonb_build_object(
    'kind', c.relkind, 'persistence', c.relpersistence,
    'row_security', c.relrowsecurity or c.relforcerowsecurity
        or exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid),
    'rules', exists (select from pg_catalog.pg_rewrite r where r.ev_class = c.oid and r.rulename <> '_RETURN'),
    'inherits', c.relispartition
        or exists (select from pg_catalog.pg_inherits i where c.oid in (i.inhrelid, i.inhparent)),
    'owner', o.rolname, 'me', current_user::text,
    'owner_is_trusted', o.rolsuper or not o.rolcanlogin or o.rolname = current_user or o.oid = d.datdba,
    'columns', (select pg_catalog.jsonb_agg(pg_catalog.concat_ws(' ', a.attname::text,
            pg_catalog.format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
            case when a.atthasdef then 'default' end, nullif(a.attidentity::text, '')) order by a.attnum)
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'triggers', (select pg_catalog.jsonb_object_agg(pg_catalog.format('%s EXECUTE FUNCTION %s.%s()',
            pg_catalog.split_part(pg_catalog.pg_get_triggerdef(t.oid), ' EXECUTE ', 1), tn.nspname, tf.proname),
            t.tgenabled)
        from pg_catalog.pg_trigger t join pg_catalog.pg_proc tf on tf.oid = t.tgfoid
        join pg_catalog.pg_namespace tn on tn.oid = tf.pronamespace
        where t.tgrelid = c.oid and not t.tgisinternal),
    'constraints', (select pg_catalog.jsonb_agg(pg_catalog.pg_get_constraintdef(k.oid))
        from pg_catalog.pg_constraint k where k.conrelid = c.oid and k.contype in ('p', 'u', 'c', 'f', 'x')),
    'indexes_valid', (select pg_catalog.bool_and(i.indisvalid and i.indisready and i.indimmediate)
        from pg_catalog.pg_index i where i.indrelid = c.oid),
    'functions', (select pg_catalog.jsonb_object_agg(f.proname, pg_catalog.jsonb_build_array(
            f.prosrc, l.lanname, f.prosecdef, f.proconfig, f.proowner = c.relowner or function_owner.rolsuper))
        from pg_catalog.pg_proc f join pg_catalog.pg_language l on l.oid = f.prolang
        join pg_catalog.pg_roles function_owner on function_owner.oid = f.proowner
        where f.pronamespace = c.relnamespace and f.pronargs = 0 and f.proname in ('refuse_change', 'refuse_gap')),
    'rights', (select pg_catalog.jsonb_agg(pg_catalog.format('%s to %s', x.privilege_type,
            coalesce(g.rolname::text, 'PUBLIC')) order by 1)
        from (select * from pg_catalog.aclexplode(c.relacl)
              union all select (pg_catalog.aclexplode(a.attacl)).* from pg_catalog.pg_attribute a
              where a.attrelid = c.oid and a.attacl is not null) as x
        left join pg_catalog.pg_roles g on g.oid = x.grantee
        where x.grantee <> c.relowner and not coalesce(g.rolsuper, false)
          and (x.privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES')
               or x.grantee = 0 and x.privilege_type = 'INSERT')),
    'creators', (select pg_catalog.jsonb_agg(coalesce(g.rolname::text, 'PUBLIC') order by 1)
        from pg_catalog.aclexplode(n.nspacl) x left join pg_catalog.pg_roles g on g.oid = x.grantee
        where x.privilege_type = 'CREATE' and x.grantee not in (c.relowner, n.nspowner, d.datdba)
          and g.rolname is distinct from current_user and not coalesce(g.rolsuper, false)),
    'schema_owner', so.rolname,
    'schema_owner_is_trusted', so.rolsuper or not so.rolcanlogin or so.rolname = current_user or so.oid = d.datdba)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_roles o on o.oid = c.relowner
join pg_catalog.pg_roles so on so.oid = n.nspowner
join pg_catalog.pg_database d on d.datname = pg_catalog.current_database()
where n.nspname = 'wish_rollout' and c.relname = 'ledger'
"""
COLUMNS = (
    "seq bigint not null",
    "at timestamp with time zone not null",
    *(
        f"{name} text not null"
        for name in [
            "act",
            "who",
            "run",
            "release",
            "plan",
            "revision_from",
            "revision_to",
            "fingerprint_before",
        ]
    ),
    "fingerprint_after text not null",
    "milliseconds bigint not null",
    "nonce text",
    "detail jsonb not null",
    "previous text not null",
    "hash text not null",
)
TRIGGER = "CREATE TRIGGER {} ON wish_rollout.ledger FOR EACH {} EXECUTE FUNCTION wish_rollout.{}()"
TRIGGERS = {
    TRIGGER.format("append_only BEFORE DELETE OR UPDATE OR TRUNCATE", "STATEMENT", "refuse_change"),
    TRIGGER.format("in_order BEFORE INSERT", "ROW", "refuse_gap"),
}
CONSTRAINTS = ["PRIMARY KEY (seq)", "UNIQUE (hash)", "UNIQUE (nonce)", "UNIQUE (previous)"]
KINDS = {
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
    "p": "partitioned table",
    "S": "sequence",
}
RESTORE = "restore wish_rollout.ledger from a backup, or let an administrator rename it and keep its rows"


def refuse_altered_ledger(connection: psycopg.Connection[Any], environment: str) -> None:
    """Raise LedgerTampered if the ledger is not as this program creates it; do nothing if there is none.

    ``environment``: its name, for errors.
    """
    for fault, remedy in read_ledger_faults(connection):
        raise LedgerTampered(environment, fault, remedy)


def read_ledger_faults(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Return how the ledger differs from the one that this program creates, each with the SQL or step that corrects it.

    The catalog is compared (PostgreSQL manual, 53 System Catalogs), so no privilege on the ledger is needed.
    """
    if not exists(connection):
        return []
    with lock_timeout_transaction(connection):
        row = connection.execute(RELATION).fetchone()
    return list(_find_faults(row[0])) if row else []


def _find_faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if found["kind"] != "r":
        yield f"it is a {KINDS.get(found['kind'], 'relation of another kind')}, not a table", RESTORE
        return
    if found["persistence"] != "p":
        yield (
            "it is unlogged, so a crash would empty it",
            "as its owner: ALTER TABLE wish_rollout.ledger SET LOGGED",
        )
    if found["inherits"]:
        yield (
            "it is part of an inheritance tree",
            "as its owner: ALTER TABLE … NO INHERIT wish_rollout.ledger",
        )
    if found["rules"]:
        yield "it has rules", "as its owner: DROP RULE … ON wish_rollout.ledger (see \\d wish_rollout.ledger)"
    if found["row_security"]:
        yield (
            "row security is enabled, or it has policies, so rows can be hidden",
            "as its owner: ALTER TABLE wish_rollout.ledger DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        )
    if tuple(found["columns"] or ()) != COLUMNS:
        yield "its columns differ", RESTORE
    if sorted(found["constraints"] or ()) != CONSTRAINTS or not found["indexes_valid"]:
        yield "its constraints differ: " + "; ".join(sorted(found["constraints"] or ["none"])), RESTORE
    yield from _find_trigger_faults(found)
    yield from _find_right_faults(found)


def _find_trigger_faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    triggers: Mapping[str, str] = found["triggers"] or {}
    if disabled := [name.split()[2] for name, state in triggers.items() if state not in ("O", "A")]:
        remedy = "as its owner: ALTER TABLE wish_rollout.ledger ENABLE TRIGGER ALL"
        yield (
            f"the trigger {disabled[0]} is disabled",
            f"{remedy}; then check the rows: wish-rollout log --verify",
        )
    if set(triggers) != TRIGGERS:
        names = ", ".join(sorted(name.split()[2] for name in set(triggers) ^ TRIGGERS))
        yield f"its triggers differ: {names}", RESTORE
    functions = found["functions"] or {}
    for name, source in FUNCTIONS.items():
        text, language, is_definer, settings, has_owner = functions.get(name) or ("", "", False, None, True)
        expected = (source, "plpgsql", False, ["search_path=pg_catalog"])
        if (_spaced(text), language, is_definer, settings) != expected:
            yield f"the function {name}() of its trigger was replaced", RESTORE
        if not has_owner:
            yield (
                f"the function {name}() has another owner",
                f"as a superuser: ALTER FUNCTION wish_rollout.{name}() OWNER TO {found['owner']}",
            )


def _find_right_faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not found["owner_is_trusted"]:
        yield (
            f"its owner is the login role {found['owner']}, which can rewrite it",
            f'as a superuser: ALTER TABLE wish_rollout.ledger OWNER TO "{found["me"]}"; or: wish-rollout roles',
        )
    if found["rights"]:
        right, _, grantee = found["rights"][0].partition(" to ")
        yield (
            f"{grantee} has the privilege {right} on it",
            f"as its owner: REVOKE {right} ON wish_rollout.ledger FROM {grantee}",
        )
    if not found["schema_owner_is_trusted"]:
        yield (
            f"the owner of its schema is the login role {found['schema_owner']}, which can drop it",
            f'as a superuser: ALTER SCHEMA wish_rollout OWNER TO "{found["owner"]}"; or: wish-rollout roles',
        )
    for creator in found["creators"] or ():
        yield (
            f"{creator} may create objects in the schema wish_rollout",
            f"as its owner: REVOKE CREATE ON SCHEMA wish_rollout FROM {creator}",
        )


def _spaced(text: str) -> str:
    """Return a text with single spaces, so that the indentation of a function's body does not count."""
    return " ".join(text.split())


FUNCTIONS = {
    name: _spaced(body)
    for name, body in re.findall(
        r"create function wish_rollout\.(\w+)\(\).*?as \$\$(.*?)\$\$", TABLE, flags=re.DOTALL
    )
}
"""The bodies of the trigger functions by name. A change of their text needs new functions in existing ledgers."""
