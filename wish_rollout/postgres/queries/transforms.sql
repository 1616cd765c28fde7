-- Transforms. Manual: pg_transform.
SELECT t.oid AS _oid,
       'transform' AS _kind,
       'FOR ' || t.trftype::regtype || ' LANGUAGE ' || quote_ident(l.lanname) AS _name,
       NULLIF(t.trffromsql::oid, 0)::regprocedure::text AS "from SQL",
       NULLIF(t.trftosql::oid, 0)::regprocedure::text AS "to SQL"
  FROM pg_transform t
  JOIN pg_language l ON l.oid = t.trflang
 WHERE t.oid <> ALL (%(pg_transform)s::oid[])
