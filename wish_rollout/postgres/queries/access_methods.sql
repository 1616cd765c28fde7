-- Access methods. Manual: pg_am.
SELECT a.oid AS _oid,
       'access method' AS _kind,
       quote_ident(a.amname) AS _name,
       a.amhandler::oid::regprocedure::text AS handler,
       CASE a.amtype WHEN 't' THEN 'table' ELSE 'index' END AS type
  FROM pg_am a
 WHERE a.oid >= 16384
   AND a.oid <> ALL (%(pg_am)s::oid[])
