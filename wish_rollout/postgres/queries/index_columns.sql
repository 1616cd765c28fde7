-- Properties of single index columns: operator class parameters and statistics targets.
SELECT a.attrelid AS _index,
       a.attnum AS _number,
       a.attoptions AS parameters,
       CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END AS "statistics target"
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
 WHERE c.relkind IN ('i', 'I')
   AND (a.attoptions IS NOT NULL OR a.attstattarget >= 0)
   AND c.relnamespace = ANY (%(namespaces)s::oid[])
   AND a.attrelid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = ANY (%(relations)s::oid[]))  -- of some
