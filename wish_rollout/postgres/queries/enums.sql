-- Enum types with their labels in order. Manual: pg_enum.
SELECT t.oid AS _oid,
       'enum' AS _kind,
       n.name || '.' || quote_ident(t.typname) AS _name,
       'T' AS _acl_type,
       t.typacl::text[] AS _acl,
       t.typowner AS _owner,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid
              ORDER BY e.enumsortorder) AS labels
  FROM pg_type t
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = t.typnamespace
 WHERE t.typtype = 'e'
   AND t.oid <> ALL (%(pg_type)s::oid[])
   AND t.oid = ANY (%(types)s::oid[])  -- of some
