-- Text search dictionaries. Manual: pg_ts_dict.
SELECT d.oid AS _oid,
       'text search dictionary' AS _kind,
       n.name || '.' || quote_ident(d.dictname) AS _name,
       d.dictowner AS _owner,
       t.tmplnamespace::regnamespace || '.' || quote_ident(t.tmplname) AS template,
       d.dictinitoption AS "initialization"
  FROM pg_ts_dict d
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = d.dictnamespace
  JOIN pg_ts_template t ON t.oid = d.dicttemplate
 WHERE d.oid <> ALL (%(pg_ts_dict)s::oid[])
