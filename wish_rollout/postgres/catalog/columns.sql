-- The visible columns of tables, views, materialized views and foreign tables, in their order.
-- Manual: pg_attribute, pg_attrdef. The reader counts the places itself.
SELECT a.attrelid AS _relation,
       a.attnum AS _number,
       quote_ident(a.attname) AS _name,
       a.attacl::text[] AS _acl,
       a.attcollation AS _collation,
       format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS "not null",
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
       CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
       CASE a.attgenerated WHEN 'v' THEN true END AS virtual,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
            THEN a.attcollation::regcollation::text END AS collation,
       CASE WHEN a.attstorage <> t.typstorage
            THEN CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main'
                                   ELSE 'extended' END END AS storage,
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END AS "statistics target",
       a.attoptions AS "column options",
       a.attfdwoptions AS options,
       NOT a.attislocal AS inherited
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef
 WHERE a.attnum > 0
   AND NOT a.attisdropped
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND c.relnamespace = ANY (%(namespaces)s::oid[])
   AND c.oid <> ALL (%(pg_class)s::oid[])
 ORDER BY a.attrelid, a.attnum
