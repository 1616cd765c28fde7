-- Publications, with their tables and schemas. Manual: pg_publication, CREATE PUBLICATION.
SELECT p.oid AS _oid,
       'publication' AS _kind,
       quote_ident(p.pubname) AS _name,
       p.pubowner AS _owner,
       p.puballtables AS "all tables",
       CASE WHEN NOT (p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate)
            THEN concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
                           CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)
        END AS publish,
       p.pubviaroot AS "via partition root",
       CASE p.pubgencols WHEN 's' THEN 'stored' END AS "generated columns",  -- since 18
       (SELECT json_agg(quote_ident(n.nspname) ORDER BY n.nspname COLLATE "C")  -- since 15
          FROM pg_publication_namespace s JOIN pg_namespace n ON n.oid = s.pnnspid  -- since 15
         WHERE s.pnpubid = p.oid) AS schemas,  -- since 15
       (SELECT json_object_agg(r.prrelid::regclass::text, json_strip_nulls(json_build_object(
                   'where', flat(r.prqual) || pg_get_expr(r.prqual, r.prrelid),  -- since 15
                   'columns', (SELECT json_agg(quote_ident(a.attname) ORDER BY a.attnum)  -- since 15
                                 FROM pg_attribute a WHERE a.attrelid = r.prrelid  -- since 15
                                                       AND a.attnum = ANY (r.prattrs)),  -- since 15
                   '', NULL)) ORDER BY r.prrelid::regclass::text COLLATE "C")
          FROM pg_publication_rel r WHERE r.prpubid = p.oid) AS tables
  FROM pg_publication p
 WHERE p.oid <> ALL (%(pg_publication)s::oid[])
