-- Base types, including shell types. Array types belong to their element types. Manual: pg_type.
SELECT t.oid AS _oid,
       'base type' AS _kind,
       n.name || '.' || quote_ident(t.typname) AS _name,
       'T' AS _acl_type,
       t.typacl::text[] AS _acl,
       t.typowner AS _owner,
       NOT t.typisdefined AS shell,
       NULLIF(t.typinput, 0)::oid::regprocedure::text AS input,
       NULLIF(t.typoutput, 0)::oid::regprocedure::text AS output,
       NULLIF(t.typreceive, 0)::oid::regprocedure::text AS receive,
       NULLIF(t.typsend, 0)::oid::regprocedure::text AS send,
       NULLIF(t.typmodin, 0)::oid::regprocedure::text AS "modifier input",
       NULLIF(t.typmodout, 0)::oid::regprocedure::text AS "modifier output",
       NULLIF(t.typanalyze, 0)::oid::regprocedure::text AS analyze,
       NULLIF(t.typsubscript, 0)::oid::regprocedure::text AS subscript,
       NULLIF(t.typlen, -1)::integer AS "internal length",
       t.typbyval AS "by value",
       NULLIF(t.typalign::text, 'i') AS alignment,
       NULLIF(t.typstorage::text, 'p') AS storage,
       NULLIF(t.typcategory::text, 'U') AS category,
       t.typispreferred AS preferred,
       t.typdefault AS "default",
       NULLIF(t.typelem, 0)::regtype::text AS element,
       NULLIF(t.typdelim::text, ',') AS delimiter,
       t.typcollation <> 0 AS collatable
  FROM pg_type t
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = t.typnamespace
 WHERE (t.typtype = 'b' OR NOT t.typisdefined)
   AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid AND e.oid = t.typelem)
   AND t.oid <> ALL (%(pg_type)s::oid[])
   AND t.oid = ANY (%(types)s::oid[])  -- of some
