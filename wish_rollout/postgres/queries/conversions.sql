-- Conversions. Manual: pg_conversion.
SELECT c.oid AS _oid,
       'conversion' AS _kind,
       n.name || '.' || quote_ident(c.conname) AS _name,
       c.conowner AS _owner,
       pg_encoding_to_char(c.conforencoding)::text AS "from",
       pg_encoding_to_char(c.contoencoding)::text AS "to",
       c.conproc::oid::regprocedure::text AS function,
       c.condefault AS "default"
  FROM pg_conversion c
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = c.connamespace
 WHERE c.oid <> ALL (%(pg_conversion)s::oid[])
