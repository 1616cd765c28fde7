-- Text search configurations, with the dictionaries of each token type in order. Manual: pg_ts_config_map.
SELECT c.oid AS _oid,
       'text search configuration' AS _kind,
       n.name || '.' || quote_ident(c.cfgname) AS _name,
       c.cfgowner AS _owner,
       p.prsnamespace::regnamespace || '.' || quote_ident(p.prsname) AS parser,
       (SELECT json_object_agg(m.alias, m.dictionaries ORDER BY m.alias)
          FROM (SELECT t.alias, json_agg(x.mapdict::regdictionary::text ORDER BY x.mapseqno) AS dictionaries
                  FROM pg_ts_config_map x
                  JOIN ts_token_type(c.cfgparser) t ON t.tokid = x.maptokentype
                 WHERE x.mapcfg = c.oid
                 GROUP BY t.alias) m) AS mappings
  FROM pg_ts_config c
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = c.cfgnamespace
  JOIN pg_ts_parser p ON p.oid = c.cfgparser
 WHERE c.oid <> ALL (%(pg_ts_config)s::oid[])
