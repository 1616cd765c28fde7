-- How many rows catalogs have, and the keys of those rows whose object the transaction has locked: before a row of an object is
-- deleted, the object is locked, or for the row of an enum label its type (manual: "Explicit Locking", "pg_locks").
-- Only the catalogs that are named are read. The keys are those of changed_objects.sql.
SELECT 'pg_class', (SELECT count(*) FROM pg_class WHERE oid >= 16384),
       (SELECT string_agg(c.oid || '.0', ',') FROM pg_class c WHERE c.oid = ANY (%(locked)s::oid[]) AND c.oid >= 16384)
 WHERE 'pg_class' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_attrdef', (SELECT count(*) FROM pg_attrdef),
       (SELECT string_agg(a.oid || '.0', ',') FROM pg_attrdef a WHERE a.oid = ANY (%(locked)s::oid[]))
 WHERE 'pg_attrdef' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_constraint', (SELECT count(*) FROM pg_constraint WHERE oid >= 16384),
       (SELECT string_agg(c.oid || '.0', ',') FROM pg_constraint c WHERE c.oid = ANY (%(locked)s::oid[]) AND c.oid >= 16384)
 WHERE 'pg_constraint' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_trigger', (SELECT count(*) FROM pg_trigger),
       (SELECT string_agg(t.oid || '.0', ',') FROM pg_trigger t WHERE t.oid = ANY (%(locked)s::oid[]))
 WHERE 'pg_trigger' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_rewrite', (SELECT count(*) FROM pg_rewrite WHERE oid >= 16384),
       (SELECT string_agg(r.oid || '.0', ',') FROM pg_rewrite r WHERE r.oid = ANY (%(locked)s::oid[]) AND r.oid >= 16384)
 WHERE 'pg_rewrite' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_policy', (SELECT count(*) FROM pg_policy),
       (SELECT string_agg(p.oid || '.0', ',') FROM pg_policy p WHERE p.oid = ANY (%(locked)s::oid[]))
 WHERE 'pg_policy' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_inherits', (SELECT count(*) FROM pg_inherits),
       (SELECT string_agg(h.inhrelid || '.' || h.inhparent, ',') FROM pg_inherits h WHERE h.inhrelid = ANY (%(locked)s::oid[]))
 WHERE 'pg_inherits' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_proc', (SELECT count(*) FROM pg_proc WHERE oid >= 16384),
       (SELECT string_agg(p.oid || '.0', ',') FROM pg_proc p WHERE p.oid = ANY (%(locked)s::oid[]) AND p.oid >= 16384)
 WHERE 'pg_proc' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_type', (SELECT count(*) FROM pg_type WHERE oid >= 16384),
       (SELECT string_agg(t.oid || '.0', ',') FROM pg_type t WHERE t.oid = ANY (%(locked)s::oid[]) AND t.oid >= 16384)
 WHERE 'pg_type' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_enum', (SELECT count(*) FROM pg_enum),
       (SELECT string_agg(e.oid || '.0', ',') FROM pg_enum e WHERE e.enumtypid = ANY (%(locked)s::oid[]))
 WHERE 'pg_enum' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_description',
       (SELECT count(*) FROM pg_description d WHERE d.objoid >= 16384 OR d.objoid = 2200 OR d.classoid = 'pg_extension'::regclass),
       (SELECT string_agg(d.objoid || '.' || d.objsubid, ',') FROM pg_description d
         WHERE d.objoid = ANY (%(locked)s::oid[])
           AND (d.objoid >= 16384 OR d.objoid = 2200 OR d.classoid = 'pg_extension'::regclass))
 WHERE 'pg_description' = ANY (%(deleted)s)
UNION ALL
SELECT 'pg_depend',
       (SELECT count(*) FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
           AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0),
       (SELECT string_agg(d.objid || '.' || d.refobjsubid, ',') FROM pg_depend d
         WHERE d.classid = 'pg_class'::regclass AND d.objid = ANY (%(locked)s::oid[])
           AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)
 WHERE 'pg_depend' = ANY (%(deleted)s)
