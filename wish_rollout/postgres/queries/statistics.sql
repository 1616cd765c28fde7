-- Extended statistics. Manual: pg_statistic_ext.
-- The expressions are not read by pg_get_statisticsobjdef(), which omits parentheses. Which ones it omits depends on the
-- types in the expression tree, so the texts of equal statistics could differ.
SELECT s.oid AS _oid,
       'statistics' AS _kind,
       n.name || '.' || quote_ident(s.stxname) AS _name,
       s.stxowner AS _owner,
       flat(s.stxexprs) || concat(
           substring(substr(pg_get_statisticsobjdef(s.oid),
                            length('CREATE STATISTICS  ' || n.name || '.' || quote_ident(s.stxname)) + 1)
                     FROM '^\([^)]*\) '),
           'ON ',
           array_to_string(ARRAY(SELECT quote_ident(a.attname)
                                   FROM unnest(s.stxkeys) WITH ORDINALITY AS k (number, place)
                                   JOIN pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.number
                                  ORDER BY k.place)
                           || ARRAY(SELECT format('(%%s)', e.text)
                                      FROM unnest(pg_get_statisticsobjdef_expressions(s.oid))
                                           WITH ORDINALITY AS e (text, place)
                                     ORDER BY e.place), ', '),
           ' FROM ', s.stxrelid::regclass) AS _definition,
       CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget::integer END AS "statistics target"
  FROM pg_statistic_ext s
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = s.stxnamespace
 WHERE s.stxrelid <> ALL (%(pg_class)s::oid[])
   AND s.oid <> ALL (%(pg_statistic_ext)s::oid[])
