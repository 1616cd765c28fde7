-- Functions, window functions and procedures. Manual: pg_proc, CREATE FUNCTION.
SELECT p.oid AS _oid,
       CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END AS _kind,
       n.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' AS _name,
       'f' AS _acl_type,
       p.proacl::text[] AS _acl,
       p.proowner AS _owner,
       quote_ident(l.lanname) AS language,
       NULLIF(flat(p.proargdefaults) || pg_get_function_arguments(p.oid), '') AS arguments,
       pg_get_function_result(p.oid) AS returns,
       CASE WHEN p.prosqlbody IS NULL THEN p.prosrc END AS body,
       flat(p.prosqlbody) || pg_get_function_sqlbody(p.oid) AS "SQL body",
       p.probin AS "object file",
       p.prokind = 'w' AS "window",
       CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' END AS volatility,
       p.proisstrict AS strict,
       p.proleakproof AS leakproof,
       p.prosecdef AS "security definer",
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END AS parallel,
       NULLIF(p.procost, CASE WHEN l.lanname IN ('c', 'internal') THEN 1 ELSE 100 END) AS cost,
       NULLIF(p.prorows, CASE WHEN p.proretset THEN 1000 ELSE 0 END) AS "rows",
       CASE WHEN p.prosupport <> 0 THEN p.prosupport::regprocedure::text END AS support,
       p.protrftypes::regtype[]::text[] AS transforms,
       p.proconfig AS settings
  FROM pg_proc p
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
 WHERE p.prokind <> 'a'
   AND p.oid <> ALL (%(pg_proc)s::oid[])
   AND NOT EXISTS (SELECT FROM pg_depend d  -- constructor functions of range types
                    WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
   AND p.oid = ANY (%(functions)s::oid[])  -- of some
