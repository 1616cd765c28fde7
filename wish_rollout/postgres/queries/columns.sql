-- The columns of tables, views, materialized views and foreign tables, in order, without dropped and system columns.
-- Manual: pg_attribute, pg_attrdef. The reader computes the positions. Rare properties are in one JSON value, because
-- this is the largest result of all. pg_get_expr() opens the table, and many defaults are equal: so each distinct default
-- is deparsed once, for any of its columns. (A default contains no column references; a generation expression does.)
-- pg_get_expr() returns NULL if that table has just been dropped; then the default of the column itself is deparsed.
-- pg_attver is an entry that the server itself makes since the minor releases of November 2026, for example 15.20; pg_dump leaves
-- it out too.
SELECT a.attrelid AS _relation,
       a.attnum AS _number,
       quote_ident(a.attname) AS _name,
       a.attacl::text[] AS _acl,
       a.attcollation AS _collation,
       CASE WHEN a.attgenerated <> '' OR a.attstattarget >= 0 OR a.attcompression <> ''
              OR a.attstorage <> t.typstorage OR a.attcollation <> t.typcollation OR NOT a.attislocal
              OR a.attoptions[2] IS NOT NULL OR NOT starts_with(a.attoptions[1], 'pg_attver=')
              OR a.attfdwoptions IS NOT NULL
            THEN json_build_object(
                'generated', CASE WHEN a.attgenerated <> '' THEN flat(d.adbin) || pg_get_expr(d.adbin, d.adrelid) END,
                'virtual', CASE a.attgenerated WHEN 'v' THEN true END,
                'collation', CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
                                  THEN a.attcollation::regcollation::text END,
                'storage', CASE WHEN a.attstorage <> t.typstorage
                                THEN CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                                                       WHEN 'm' THEN 'main' ELSE 'extended' END END,
                'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
                'statistics target', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
                'column options', NULLIF(ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE NOT starts_with(o, 'pg_attver=')), '{}'),
                'options', a.attfdwoptions,
                'inherited', NOT a.attislocal)
        END AS _rare,
       format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS "not null",
       CASE WHEN a.attgenerated = '' THEN coalesce(e.text, flat(d.adbin) || pg_get_expr(d.adbin, d.adrelid)) END AS "default",  -- of all
       CASE WHEN a.attgenerated = '' THEN flat(d.adbin) || pg_get_expr(d.adbin, d.adrelid) END AS "default",  -- of some
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef
  LEFT JOIN (SELECT g.tree, flat(f.adbin) || pg_get_expr(f.adbin, f.adrelid) AS text  -- of all
               FROM (SELECT adbin::text AS tree, min(oid) AS oid FROM pg_attrdef GROUP BY adbin::text) g  -- of all
               JOIN pg_attrdef f ON f.oid = g.oid) e ON e.tree = d.adbin::text AND a.attgenerated = ''  -- of all
 WHERE a.attnum > 0
   AND NOT a.attisdropped
   AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND c.relnamespace = ANY (%(namespaces)s::oid[])
   AND c.oid <> ALL (%(pg_class)s::oid[])
   AND a.attrelid = ANY (%(relations)s::oid[])  -- of some
 ORDER BY a.attrelid, a.attnum
