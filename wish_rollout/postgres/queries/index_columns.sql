-- Properties of single index columns: operator class parameters and statistics targets. pg_attver: see columns.sql.
SELECT a.attrelid AS _index,
       a.attnum AS _number,
       NULLIF(ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE NOT starts_with(o, 'pg_attver=')), '{}') AS parameters,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END AS "statistics target"
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relkind IN ('i', 'I')
   AND (a.attoptions[2] IS NOT NULL OR NOT starts_with(a.attoptions[1], 'pg_attver=') OR a.attstattarget >= 0)
   AND c.relnamespace = ANY (%(namespaces)s::oid[])
   AND a.attrelid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = ANY (%(relations)s::oid[]))  -- of some
