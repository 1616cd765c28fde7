-- Sequences and their parameters, without the current value, which is data. Manual: pg_sequence.
-- An unlogged table's own sequences are unlogged from 15 on: that is the table's property.
-- The sequence of an identity column is a property of that column; _relation and _number then identify the column.
SELECT c.oid AS _oid,
       'sequence' AS _kind,
       n.name || '.' || quote_ident(c.relname) AS _name,
       's' AS _acl_type,
       c.relacl::text[] AS _acl,
       c.relowner AS _owner,
       CASE WHEN d.deptype = 'i' THEN d.refobjid END AS _relation,
       d.refobjsubid AS _number,
       CASE WHEN c.relpersistence = 'u' AND o.relpersistence IS DISTINCT FROM 'u' THEN 'unlogged' END AS persistence,
       CASE WHEN s.seqtypid <> 'bigint'::regtype THEN s.seqtypid::regtype::text END AS type,
       NULLIF(s.seqincrement, 1) AS increment,
       NULLIF(s.seqmin, CASE WHEN s.seqincrement > 0 THEN 1 ELSE -1 - l.most END) AS minimum,
       NULLIF(s.seqmax, CASE WHEN s.seqincrement > 0 THEN l.most ELSE -1 END) AS maximum,
       NULLIF(s.seqstart, CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END) AS start,
       NULLIF(s.seqcache, 1) AS cache,
       s.seqcycle AS cycle,
       CASE WHEN d.deptype = 'a'
            THEN d.refobjid::regclass::text || '.' || (SELECT quote_ident(a.attname) FROM pg_attribute a
                 WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid) END AS "owned by"
  FROM pg_class c
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = c.relnamespace
  JOIN pg_sequence s ON s.seqrelid = c.oid
  CROSS JOIN LATERAL (SELECT CASE s.seqtypid WHEN 'smallint'::regtype THEN 32767
                                             WHEN 'integer'::regtype THEN 2147483647
                                             ELSE 9223372036854775807 END AS most) l
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
                       AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_class o ON o.oid = d.refobjid
 WHERE c.oid <> ALL (%(pg_class)s::oid[])
   AND c.oid = ANY (%(sequences)s::oid[])  -- of some
