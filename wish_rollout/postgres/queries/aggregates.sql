-- Aggregates. Manual: pg_aggregate, CREATE AGGREGATE.
SELECT p.oid AS _oid,
       'aggregate' AS _kind,
       n.name || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')' AS _name,
       'f' AS _acl_type,
       p.proacl::text[] AS _acl,
       p.proowner AS _owner,
       NULLIF(pg_get_function_arguments(p.oid), '') AS arguments,
       pg_get_function_result(p.oid) AS returns,
       CASE a.aggkind WHEN 'o' THEN 'ordered set' WHEN 'h' THEN 'hypothetical set' END AS "variety",
       a.aggtransfn::oid::regprocedure::text AS "transition function",
       format_type(a.aggtranstype, NULL) AS "state type",
       NULLIF(a.aggtransspace, 0) AS "state size",
       a.agginitval AS "initial state",
       NULLIF(a.aggfinalfn::oid, 0)::regprocedure::text AS "final function",
       a.aggfinalextra AS "final function extra",
       NULLIF(a.aggfinalmodify::text, CASE WHEN a.aggkind = 'n' THEN 'r' ELSE 'w' END) AS "final function modify",
       NULLIF(a.aggcombinefn::oid, 0)::regprocedure::text AS "combine function",
       NULLIF(a.aggserialfn::oid, 0)::regprocedure::text AS "serial function",
       NULLIF(a.aggdeserialfn::oid, 0)::regprocedure::text AS "deserial function",
       NULLIF(a.aggmtransfn::oid, 0)::regprocedure::text AS "moving transition function",
       NULLIF(a.aggminvtransfn::oid, 0)::regprocedure::text AS "moving inverse function",
       CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END AS "moving state type",
       NULLIF(a.aggmtransspace, 0) AS "moving state size",
       a.aggminitval AS "moving initial state",
       NULLIF(a.aggmfinalfn::oid, 0)::regprocedure::text AS "moving final function",
       a.aggmfinalextra AS "moving final function extra",
       CASE WHEN a.aggmtransfn::oid <> 0
            THEN NULLIF(a.aggmfinalmodify::text, CASE WHEN a.aggkind = 'n' THEN 'r' ELSE 'w' END)
        END AS "moving final function modify",
       NULLIF(a.aggsortop, 0)::regoperator::text AS "sort operator",
       CASE p.provolatile WHEN 's' THEN 'stable' WHEN 'v' THEN 'volatile' END AS volatility,
       CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' END AS parallel,
       p.proisstrict AS strict,
       p.proleakproof AS leakproof,
       p.prosecdef AS "security definer",
       NULLIF(p.procost, 1) AS cost,
       p.proconfig AS settings
  FROM pg_aggregate a
  JOIN pg_proc p ON p.oid = a.aggfnoid
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = p.pronamespace
 WHERE p.oid <> ALL (%(pg_proc)s::oid[])
