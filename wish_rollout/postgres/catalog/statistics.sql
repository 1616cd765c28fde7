-- Extended statistics. Manual: pg_statistic_ext.
SELECT s.oid AS _oid,
       'statistics' AS _kind,
       n.name || '.' || quote_ident(s.stxname) AS _name,
       s.stxowner AS _owner,
       substr(pg_get_statisticsobjdef(s.oid),
              length('CREATE STATISTICS  ' || n.name || '.' || quote_ident(s.stxname)) + 1) AS definition,
       CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget::integer END AS "statistics target"
  FROM pg_statistic_ext s
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = s.stxnamespace
 WHERE s.stxrelid <> ALL (%(pg_class)s::oid[])
   AND s.oid <> ALL (%(pg_statistic_ext)s::oid[])
