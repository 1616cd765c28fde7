-- Tables, views, materialized views and foreign tables. Manual: pg_class, pg_inherits, pg_foreign_table.
-- A property with the default value is NULL here, and is not stored in the snapshot.
SELECT c.oid AS _oid,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                      ELSE 'table' END AS _kind,
       n.name || '.' || quote_ident(c.relname) AS _name,
       'r' AS _acl_type,
       c.relacl::text[] AS _acl,
       c.relowner AS _owner,
       CASE c.relpersistence WHEN 'u' THEN 'unlogged' END AS persistence,
       CASE WHEN a.amname <> 'heap' THEN quote_ident(a.amname) END AS "access method",
       quote_ident(s.spcname) AS tablespace,
       c.reloptions AS "storage parameters",
       t.reloptions AS "toast storage parameters",
       c.relrowsecurity AS "row security",
       c.relforcerowsecurity AS "force row security",
       CASE WHEN c.relkind IN ('r', 'p', 'm') THEN CASE c.relreplident
           WHEN 'n' THEN 'nothing'
           WHEN 'f' THEN 'full'
           WHEN 'i' THEN 'index ' || coalesce((SELECT quote_ident(x.relname)
                                                 FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                                                WHERE i.indrelid = c.oid AND i.indisreplident), '(dropped)')
       END END AS "replica identity",
       CASE WHEN c.relkind = 'p' THEN flat(k.partexprs) || pg_get_partkeydef(c.oid) END AS "partition by",
       CASE WHEN c.relispartition THEN i.parents[1] END AS "partition of",
       pg_get_expr(c.relpartbound, c.oid) AS "partition bound",
       CASE WHEN c.relispartition
            THEN (SELECT json_object_agg(n.original, n.own)
                    FROM (SELECT h.inhparent::regclass::text, quote_ident(x.relname)
                            FROM pg_index k
                            JOIN pg_inherits h ON h.inhrelid = k.indexrelid
                            JOIN pg_class x ON x.oid = k.indexrelid
                           WHERE k.indrelid = c.oid
                           UNION ALL
                          SELECT p.conrelid::regclass::text || '.' || quote_ident(p.conname), quote_ident(k.conname)
                            FROM pg_constraint k
                            JOIN pg_constraint p ON p.oid = k.conparentid
                           WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conname <> p.conname)
                         AS n (original, own)) END AS "index names",
       i.detaching AS "detach pending",
       CASE WHEN NOT c.relispartition THEN i.parents END AS inherits,
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS "of type",
       CASE WHEN c.relkind IN ('v', 'm') THEN flat(w.ev_action) || pg_get_viewdef(c.oid) END AS _definition,
       quote_ident(f.srvname) AS server,
       f.ftoptions AS options
  FROM pg_class c
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = c.relnamespace
  LEFT JOIN pg_am a ON a.oid = c.relam AND c.relkind IN ('r', 'p', 'm')
  LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
  LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  LEFT JOIN pg_partitioned_table k ON k.partrelid = c.oid
  LEFT JOIN pg_rewrite w ON w.ev_class = c.oid AND w.rulename = '_RETURN'
  LEFT JOIN (SELECT h.inhrelid, array_agg(h.inhparent::regclass::text ORDER BY h.inhseqno) AS parents,
                    bool_or(h.inhdetachpending) AS detaching
               FROM pg_inherits h
              WHERE h.inhrelid = ANY (%(relations)s::oid[])  -- of some
              GROUP BY h.inhrelid) i ON i.inhrelid = c.oid
  LEFT JOIN (SELECT x.ftrelid, x.ftoptions, y.srvname
               FROM pg_foreign_table x JOIN pg_foreign_server y ON y.oid = x.ftserver) f ON f.ftrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
   AND c.oid <> ALL (%(pg_class)s::oid[])
   AND c.oid = ANY (%(relations)s::oid[])  -- of some
