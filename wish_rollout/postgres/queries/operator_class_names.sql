-- The operator classes by number. A default one is not named in an index.
SELECT o.oid,
       CASE WHEN o.opcnamespace = 'pg_catalog'::regnamespace THEN '' ELSE o.opcnamespace::regnamespace || '.' END
           || quote_ident(o.opcname),
       o.opcdefault
  FROM pg_opclass o
