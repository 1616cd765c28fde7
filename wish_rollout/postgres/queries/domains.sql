-- Domains. Their CHECK constraints are separate objects. Manual: pg_type, CREATE DOMAIN.
SELECT t.oid AS _oid,
       'domain' AS _kind,
       n.name || '.' || quote_ident(t.typname) AS _name,
       'T' AS _acl_type,
       t.typacl::text[] AS _acl,
       t.typowner AS _owner,
       format_type(t.typbasetype, t.typtypmod) AS type,
       t.typnotnull AS "not null",
       CASE WHEN m.conname <> concat(t.typname, '_not_null') THEN m.conname END AS "not null constraint",  -- since 18
       obj_description(m.oid, 'pg_constraint') AS "not null comment",  -- since 17
       flat(t.typdefaultbin) || pg_get_expr(t.typdefaultbin, 0) AS "default",
       CASE WHEN t.typcollation <> b.typcollation AND t.typcollation <> 0
            THEN t.typcollation::regcollation::text END AS collation
  FROM pg_type t
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = t.typnamespace
  JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_constraint m ON m.contypid = t.oid AND m.contype = 'n'  -- since 17
 WHERE t.typtype = 'd'
   AND t.oid <> ALL (%(pg_type)s::oid[])
   AND t.oid = ANY (%(types)s::oid[])  -- of some
