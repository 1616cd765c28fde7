-- Collations. The collation version depends on the server's libraries and is not read. Manual: pg_collation.
SELECT c.oid AS _oid,
       'collation' AS _kind,
       n.name || '.' || quote_ident(c.collname) AS _name,
       c.collowner AS _owner,
       CASE c.collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE 'default'
        END AS provider,
       NOT c.collisdeterministic AS nondeterministic,
       CASE WHEN c.collprovider = 'c' THEN c.collcollate END AS "lc_collate",
       CASE WHEN c.collprovider = 'c' THEN c.collctype END AS "lc_ctype"
       , CASE WHEN c.collprovider = 'i' THEN c.collcollate END AS locale  -- until 14
       , c.colliculocale AS locale  -- since 15, until 16
       , c.colllocale AS locale  -- since 17
       , c.collicurules AS rules  -- since 16
  FROM pg_collation c
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = c.collnamespace
 WHERE c.oid <> ALL (%(pg_collation)s::oid[])
