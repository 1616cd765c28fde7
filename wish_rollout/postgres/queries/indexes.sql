-- Indexes, including those of constraints. Manual: pg_index, pg_opclass.
-- The first of the expressions is the whole CREATE INDEX statement, if a collation other than the default is used.
-- Column keys are read as numbers from the catalog, because pg_get_indexdef() would open each relation. Not included:
-- an index of a partition that is attached to an index of the parent, because the server ensures that they match;
-- but one that a constraint of the partition itself uses is included.
SELECT i.indexrelid AS _oid,
       i.indrelid AS _relation,
       n.name || '.' || quote_ident(c.relname) AS _name,
       i.indkey::text AS _keys,
       i.indnkeyatts AS _key_count,
       i.indclass::text AS _classes,
       i.indcollation::text AS _collations,
       i.indoption::text AS _orders,
       CASE WHEN i.indexprs IS NOT NULL
            THEN ARRAY(SELECT CASE WHEN k > 0 OR i.indexprs::text ~ 'coll(id|Oid) (?!(0|100)\M)'
                                   THEN flat(i.indexprs) || pg_get_indexdef(i.indexrelid, k, false) END
                         FROM generate_series(0, i.indnkeyatts) AS k) END AS _expressions,
       CASE WHEN a.amname <> 'btree' THEN quote_ident(a.amname) END AS method,
       i.indisunique AS "unique",
       i.indnullsnotdistinct AS "nulls not distinct",  -- since 15
       flat(i.indpred) || pg_get_expr(i.indpred, i.indrelid) AS predicate,
       c.reloptions AS "storage parameters",
       quote_ident(s.spcname) AS tablespace,
       i.indisclustered AS clustered,
       NOT i.indisvalid AS invalid,
       NOT i.indisready AS "not ready",
       h.inhparent::regclass::text AS "copy of"
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = c.relnamespace
  JOIN pg_am a ON a.oid = c.relam
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
  LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND c.relispartition
  LEFT JOIN pg_class p ON p.oid = h.inhparent
 WHERE i.indislive
   AND (NOT c.relispartition OR i.indisclustered
        OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.conrelid = i.indrelid
                                                 AND k.contype IN ('p', 'u', 'x') AND k.conparentid = 0) OR obj_description(c.oid, 'pg_class') IS NOT NULL
        OR c.reloptions IS NOT NULL AND c.reloptions IS DISTINCT FROM p.reloptions
        OR i.indexprs IS NOT NULL AND EXISTS (SELECT FROM pg_attribute k
                                               WHERE k.attrelid = c.oid AND k.attstattarget >= 0))
   AND i.indrelid <> ALL (%(pg_class)s::oid[])
   AND i.indrelid = ANY (%(relations)s::oid[])  -- of some
