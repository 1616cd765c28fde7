-- Operator classes by OID. An index definition does not name a default operator class.
SELECT o.oid,
       CASE WHEN o.opcnamespace = 'pg_catalog'::regnamespace THEN '' ELSE o.opcnamespace::regnamespace || '.' END
           || quote_ident(o.opcname),
       o.opcdefault
  FROM pg_opclass o
