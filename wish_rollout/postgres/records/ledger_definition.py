"""The definition of ``wish_rollout.ledger`` in the catalog: the query that reads it, and what it has to return."""

from __future__ import annotations

import re
from typing import LiteralString

from wish_rollout.postgres.records.ledger import TABLE

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


def with_single_spaces(text: str) -> str:
    """Return a text with single spaces, so that the indentation of a function's body does not count."""
    return " ".join(text.split())


FUNCTIONS = {
    name: with_single_spaces(body)
    for name, body in re.findall(
        r"create function wish_rollout\.(\w+)\(\).*?as \$\$(.*?)\$\$", TABLE, flags=re.DOTALL
    )
}
"""The bodies of the trigger functions by name. A change of their text needs new functions in existing ledgers."""
