-- Range types, with the multirange type of each. Manual: pg_range, CREATE TYPE.
SELECT t.oid AS _oid,
       'range type' AS _kind,
       n.name || '.' || quote_ident(t.typname) AS _name,
       'T' AS _acl_type,
       t.typacl::text[] AS _acl,
       t.typowner AS _owner,
       r.rngsubtype::regtype::text AS subtype,
       CASE WHEN NOT o.opcdefault THEN o.opcnamespace::regnamespace || '.' || quote_ident(o.opcname)
        END AS "operator class",
       CASE WHEN r.rngcollation <> y.typcollation THEN r.rngcollation::regcollation::text END AS collation,
       NULLIF(r.rngcanonical, 0)::regprocedure::text AS canonical,
       NULLIF(r.rngsubdiff, 0)::regprocedure::text AS "subtype difference",
       r.rngmultitypid::regtype::text AS multirange
  FROM pg_type t
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = t.typnamespace
  JOIN pg_range r ON r.rngtypid = t.oid
  JOIN pg_opclass o ON o.oid = r.rngsubopc
  JOIN pg_type y ON y.oid = r.rngsubtype
 WHERE t.oid <> ALL (%(pg_type)s::oid[])
   AND t.oid = ANY (%(types)s::oid[])  -- of some
