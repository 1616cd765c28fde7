-- Constraints of tables and domains. Manual: pg_constraint.
-- Not included: constraints that a partition or a child table inherits, NOT NULL constraints (a property of the column),
-- and constraint triggers (they are triggers).
SELECT c.oid AS _oid,
       c.conrelid AS _relation,
       c.contypid::regtype::text AS _domain,
       quote_ident(c.conname) AS _name,
       c.conindid AS _index,
       c.confrelid AS _referenced,
       c.conkey AS _columns,
       c.confkey AS _referenced_columns,
       CASE WHEN r.relnamespace <> ALL (%(namespaces)s::oid[])  -- out of scope: the reader has no name for it
              OR r.oid = ANY (%(pg_class)s::oid[])
            THEN ARRAY(SELECT r.oid::regclass::text
                        UNION ALL
                       SELECT quote_ident(a.attname)
                         FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
                         JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.number) END AS _elsewhere,
       c.confdelsetcols AS _set_columns,  -- since 15
       NULL::smallint[] AS _set_columns,  -- until 14
       CASE c.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
                      WHEN 'u' THEN 'unique' ELSE 'exclusion' END AS type,
       flat(c.conbin) || pg_get_expr(c.conbin, c.conrelid) AS expression,
       CASE WHEN c.contype = 'f' AND c.confmatchtype = 'f' THEN 'full' END AS match,
       CASE c.confupdtype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
                          WHEN 'd' THEN 'set default' END AS "on update",
       CASE c.confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
                          WHEN 'd' THEN 'set default' END AS "on delete",
       CASE WHEN c.contype = 'x' THEN c.conexclop::regoperator[]::text[] END AS operators,
       CASE WHEN c.contype = 'f' AND (SELECT count(*) FROM pg_index i
                                       WHERE i.indrelid = c.confrelid AND i.indisunique AND i.indpred IS NULL
                                         AND i.indnkeyatts = cardinality(c.confkey)) > 1
            THEN (SELECT quote_ident(x.relname) FROM pg_class x WHERE x.oid = c.conindid) END AS "referenced index",
       c.condeferrable AS deferrable,
       c.condeferred AS "initially deferred",
       NOT c.convalidated AND c.conenforced AS "not valid",  -- since 18
       NOT c.convalidated AS "not valid",  -- until 17
       NOT c.conenforced AS "not enforced",  -- since 18
       c.conperiod AS period,  -- since 18
       c.connoinherit AND c.contype = 'c' AS "no inherit",
       CASE WHEN c.conparentid <> 0 OR NOT c.conislocal AND c.coninhcount > 0 THEN true END AS "copy"
  FROM pg_constraint c
  LEFT JOIN pg_class r ON r.oid = c.confrelid
 WHERE c.connamespace = ANY (%(namespaces)s::oid[])
   AND c.contype IN ('c', 'f', 'p', 'u', 'x')
   -- a copy is included if it has a comment, or if its triggers fire at other times than those of the parent
   AND (c.conparentid = 0
        OR obj_description(c.oid, 'pg_constraint') IS NOT NULL
        OR EXISTS (SELECT FROM pg_trigger t LEFT JOIN pg_trigger p ON p.oid = t.tgparentid
                    WHERE t.tgconstraint = c.oid AND t.tgisinternal AND t.tgenabled <> coalesce(p.tgenabled, 'O')))
   AND (c.conislocal OR c.coninhcount = 0 OR obj_description(c.oid, 'pg_constraint') IS NOT NULL
        OR c.conparentid <> 0)
   AND c.conrelid <> ALL (%(pg_class)s::oid[])
   AND c.contypid <> ALL (%(pg_type)s::oid[])
   AND c.oid IN (SELECT i.oid FROM pg_constraint i WHERE i.conrelid = ANY (%(relations)s::oid[])  -- of some
                  UNION ALL  -- of some
                 SELECT i.oid FROM pg_constraint i WHERE i.contypid = ANY (%(types)s::oid[]))  -- of some
