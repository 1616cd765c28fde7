-- Schemas. Manual: pg_namespace.
-- The owner, privileges and comment that initdb gives the schema public are not read: they differ between 14 and 15,
-- and depend on the role that ran initdb.
SELECT n.oid AS _oid,
       'schema' AS _kind,
       quote_ident(n.nspname) AS _name,
       CASE WHEN n.oid = 2200 THEN 'public' ELSE 'n' END AS _acl_type,  -- since 15
       CASE WHEN n.oid = 2200 THEN 'public 14' ELSE 'n' END AS _acl_type,  -- until 14
       n.nspacl::text[] AS _acl,
       n.nspowner AS _holder,
       CASE WHEN n.oid <> 2200 OR n.nspowner NOT IN (10, 6171) THEN n.nspowner END AS _owner,
       n.nspname AS _plain_name,
       CASE WHEN n.oid = 2200 THEN 'standard public schema' END AS _default_comment
  FROM pg_namespace n
 WHERE n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
