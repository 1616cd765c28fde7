-- The keys of all rows of catalogs, by which rows that were deleted are noticed. Only the catalogs that are named are
-- scanned. The keys are those of changed_objects.sql.
SELECT 'pg_class', string_agg(c.oid || '.0', ',') FROM pg_class c
 WHERE 'pg_class' = ANY (%(deleted)s) AND c.oid >= 16384
UNION ALL
SELECT 'pg_attrdef', string_agg(a.oid || '.0', ',') FROM pg_attrdef a WHERE 'pg_attrdef' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_constraint', string_agg(c.oid || '.0', ',') FROM pg_constraint c
 WHERE 'pg_constraint' = ANY (%(deleted)s) AND c.oid >= 16384
UNION ALL
SELECT 'pg_trigger', string_agg(t.oid || '.0', ',') FROM pg_trigger t WHERE 'pg_trigger' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_rewrite', string_agg(r.oid || '.0', ',') FROM pg_rewrite r
 WHERE 'pg_rewrite' = ANY (%(deleted)s) AND r.oid >= 16384
UNION ALL
SELECT 'pg_policy', string_agg(p.oid || '.0', ',') FROM pg_policy p WHERE 'pg_policy' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_inherits', string_agg(h.inhrelid || '.' || h.inhparent, ',') FROM pg_inherits h
 WHERE 'pg_inherits' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_proc', string_agg(p.oid || '.0', ',') FROM pg_proc p
 WHERE 'pg_proc' = ANY (%(deleted)s) AND p.oid >= 16384
UNION ALL
SELECT 'pg_type', string_agg(t.oid || '.0', ',') FROM pg_type t
 WHERE 'pg_type' = ANY (%(deleted)s) AND t.oid >= 16384
UNION ALL
SELECT 'pg_enum', string_agg(e.oid || '.0', ',') FROM pg_enum e WHERE 'pg_enum' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_description', string_agg(d.objoid || '.' || d.objsubid, ',') FROM pg_description d
 WHERE 'pg_description' = ANY (%(deleted)s) AND (d.objoid >= 16384 OR d.objoid = 2200 OR d.classoid = 'pg_extension'::regclass)
UNION ALL
SELECT 'pg_depend', string_agg(d.objid || '.' || d.refobjsubid, ',') FROM pg_depend d
 WHERE 'pg_depend' = ANY (%(deleted)s)
   AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
   AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
