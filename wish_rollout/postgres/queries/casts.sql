-- Casts. Manual: pg_cast.
SELECT c.oid AS _oid,
       'cast' AS _kind,
       '(' || c.castsource::regtype || ' AS ' || c.casttarget::regtype || ')' AS _name,
       NULLIF(c.castfunc, 0)::regprocedure::text AS function,
       CASE c.castmethod WHEN 'b' THEN 'without function' WHEN 'i' THEN 'with inout' END AS method,
       CASE c.castcontext WHEN 'a' THEN 'assignment' WHEN 'i' THEN 'implicit' END AS context
  FROM pg_cast c
 WHERE c.oid >= 16384
   AND c.oid <> ALL (%(pg_cast)s::oid[])
   AND NOT EXISTS (SELECT FROM pg_depend d  -- the cast of a range type to its multirange type
                    WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')
