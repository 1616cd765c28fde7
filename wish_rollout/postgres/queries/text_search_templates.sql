-- Text search templates. Manual: pg_ts_template.
SELECT t.oid AS _oid,
       'text search template' AS _kind,
       n.name || '.' || quote_ident(t.tmplname) AS _name,
       NULLIF(t.tmplinit::oid, 0)::regprocedure::text AS init,
       t.tmpllexize::oid::regprocedure::text AS lexize
  FROM pg_ts_template t
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = t.tmplnamespace
 WHERE t.oid <> ALL (%(pg_ts_template)s::oid[])
