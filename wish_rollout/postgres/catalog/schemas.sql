-- Schemas. Manual: pg_namespace, pg_init_privs.
-- As initdb leaves it, the schema public has no owner, privileges or comment to tell of: they differ between
-- 14 and 15, and who ran initdb is no part of a schema.
SELECT n.oid AS _oid,
       'schema' AS _kind,
       quote_ident(n.nspname) AS _name,
       'n' AS _acl_type,
       CASE WHEN n.nspacl IS DISTINCT FROM i.initprivs THEN n.nspacl::text[] END AS _acl,
       CASE WHEN n.oid <> 2200 OR n.nspowner NOT IN (10, 6171) THEN n.nspowner END AS _owner,
       n.nspname AS _plain_name,
       CASE WHEN n.oid = 2200 THEN 'standard public schema' END AS _default_comment
  FROM pg_namespace n
  LEFT JOIN pg_init_privs i ON i.objoid = n.oid AND i.classoid = 'pg_namespace'::regclass AND i.privtype = 'i'
 WHERE n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
