-- Composite types with their attributes in order, without the row types of tables. Manual: CREATE TYPE.
SELECT t.oid AS _oid,
       'composite type' AS _kind,
       n.name || '.' || quote_ident(t.typname) AS _name,
       'T' AS _acl_type,
       t.typacl::text[] AS _acl,
       t.typowner AS _owner,
       (SELECT json_agg(json_strip_nulls(json_build_object(
                   'name', quote_ident(a.attname),
                   'type', format_type(a.atttypid, a.atttypmod),
                   'collation', CASE WHEN a.attcollation <> y.typcollation AND a.attcollation <> 0
                                     THEN a.attcollation::regcollation::text END,
                   'comment', col_description(c.oid, a.attnum))) ORDER BY a.attnum)
          FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS attributes
  FROM pg_type t
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = t.typnamespace
  JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
 WHERE t.typtype = 'c'
   AND t.oid <> ALL (%(pg_type)s::oid[])
   AND t.oid = ANY (%(types)s::oid[])  -- of some
