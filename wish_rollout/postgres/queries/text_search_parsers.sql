-- Text search parsers. Manual: pg_ts_parser.
SELECT p.oid AS _oid,
       'text search parser' AS _kind,
       n.name || '.' || quote_ident(p.prsname) AS _name,
       p.prsstart::oid::regprocedure::text AS start,
       p.prstoken::oid::regprocedure::text AS "get token",
       p.prsend::oid::regprocedure::text AS "end",
       p.prslextype::oid::regprocedure::text AS "token types",
       NULLIF(p.prsheadline::oid, 0)::regprocedure::text AS headline
  FROM pg_ts_parser p
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = p.prsnamespace
 WHERE p.oid <> ALL (%(pg_ts_parser)s::oid[])
