-- The rows of the catalog that transactions since a given one have written, with the object that each belongs to.
-- Only the catalogs that are named are scanned. With 1, which comes before every other transaction ID, all rows are returned
-- of objects that initdb did not make. Manual: "System Columns", "System Catalogs".
-- part: a column's number, or that of a column that a comment is on. container: of an index, a TOAST table and an
-- identity column's sequence their table, of a composite type's relation the type, of all others what they are on.
-- of all: the rows of all transactions since then. of some: only those of the present transaction and its subtransactions;
-- it holds locks on the relations whose indexes, constraints and sequences it changes until its end (manual: "Explicit Locking").
WITH since (age) AS (SELECT age(%(since)s::xid))
   , written AS MATERIALIZED (  -- of some
SELECT 'pg_class' AS catalog, c.oid, 0::bigint AS part,
       CASE WHEN c.relkind IN ('i', 'I') THEN (SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = c.oid)
            WHEN c.relkind = 'c' THEN c.reltype
            WHEN c.relkind IN ('t', 'S')
            THEN (SELECT d.refobjid FROM pg_depend d
                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
                     AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' LIMIT 1) END AS container,
       c.relkind::text AS kind,
       c.relnamespace || '.' || c.relname AS name, c.xmin AS writer
  FROM pg_class c
 WHERE 'pg_class' = ANY (%(catalogs)s) AND age(c.xmin) <= (SELECT age FROM since) AND c.oid >= 16384
UNION ALL
SELECT 'pg_attribute', a.attrelid, a.attnum, a.attrelid, '', '', a.xmin FROM pg_attribute a
 WHERE 'pg_attribute' = ANY (%(catalogs)s) AND age(a.xmin) <= (SELECT age FROM since) AND a.attnum > 0
UNION ALL
SELECT 'pg_attrdef', a.oid, 0, a.adrelid, '', '', a.xmin FROM pg_attrdef a
 WHERE 'pg_attrdef' = ANY (%(catalogs)s) AND age(a.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_constraint', c.oid, 0, CASE WHEN c.conrelid <> 0 THEN c.conrelid ELSE c.contypid END,
       CASE WHEN c.conrelid <> 0 THEN '' ELSE 'type' END, '', c.xmin
  FROM pg_constraint c
 WHERE 'pg_constraint' = ANY (%(catalogs)s) AND age(c.xmin) <= (SELECT age FROM since) AND c.oid >= 16384
   AND (c.conrelid = ANY (%(locked)s::oid[]) OR c.contypid > 0)  -- of some
UNION ALL
SELECT 'pg_index', i.indexrelid, 0, i.indrelid, '', '', i.xmin FROM pg_index i
 WHERE 'pg_index' = ANY (%(catalogs)s) AND age(i.xmin) <= (SELECT age FROM since)
   AND i.indrelid = ANY (%(locked)s::oid[])  -- of some
UNION ALL
SELECT 'pg_trigger', t.oid, 0, t.tgrelid, '', '', t.xmin FROM pg_trigger t
 WHERE 'pg_trigger' = ANY (%(catalogs)s) AND age(t.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_rewrite', r.oid, 0, r.ev_class, '', '', r.xmin FROM pg_rewrite r
 WHERE 'pg_rewrite' = ANY (%(catalogs)s) AND age(r.xmin) <= (SELECT age FROM since) AND r.oid >= 16384
UNION ALL
SELECT 'pg_policy', p.oid, 0, p.polrelid, '', '', p.xmin FROM pg_policy p
 WHERE 'pg_policy' = ANY (%(catalogs)s) AND age(p.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_inherits', h.inhrelid, h.inhparent::bigint, h.inhrelid, '', '', h.xmin FROM pg_inherits h
 WHERE 'pg_inherits' = ANY (%(catalogs)s) AND age(h.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_sequence', s.seqrelid, 0, s.seqrelid, '', '', s.xmin FROM pg_sequence s
 WHERE 'pg_sequence' = ANY (%(catalogs)s) AND age(s.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_partitioned_table', p.partrelid, 0, p.partrelid, '', '', p.xmin FROM pg_partitioned_table p
 WHERE 'pg_partitioned_table' = ANY (%(catalogs)s) AND age(p.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_foreign_table', f.ftrelid, 0, f.ftrelid, '', '', f.xmin FROM pg_foreign_table f
 WHERE 'pg_foreign_table' = ANY (%(catalogs)s) AND age(f.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_proc', p.oid, 0, p.oid, p.prokind::text, '', p.xmin FROM pg_proc p
 WHERE 'pg_proc' = ANY (%(catalogs)s) AND age(p.xmin) <= (SELECT age FROM since) AND p.oid >= 16384
UNION ALL
SELECT 'pg_type', t.oid, 0, CASE WHEN (SELECT c.relkind FROM pg_class c WHERE c.oid = t.typrelid) <> 'c' THEN 0 ELSE t.oid END,
       t.typtype::text, '', t.xmin
  FROM pg_type t
 WHERE 'pg_type' = ANY (%(catalogs)s) AND age(t.xmin) <= (SELECT age FROM since) AND t.oid >= 16384
UNION ALL
SELECT 'pg_enum', e.oid, 0, e.enumtypid, '', '', e.xmin FROM pg_enum e
 WHERE 'pg_enum' = ANY (%(catalogs)s) AND age(e.xmin) <= (SELECT age FROM since)
UNION ALL
SELECT 'pg_description', d.objoid, d.objsubid, d.classoid, d.classoid::regclass::text, '', d.xmin FROM pg_description d
 WHERE 'pg_description' = ANY (%(catalogs)s) AND age(d.xmin) <= (SELECT age FROM since)
   AND (d.objoid >= 16384 OR d.objoid = 2200 OR d.classoid = 'pg_extension'::regclass)
UNION ALL
SELECT 'pg_depend', d.objid, d.refobjsubid, d.refobjid,
       CASE WHEN d.refclassid = 'pg_extension'::regclass THEN 'extension' ELSE '' END, '', d.xmin
  FROM pg_depend d
 WHERE 'pg_depend' = ANY (%(catalogs)s) AND age(d.xmin) <= (SELECT age FROM since)
   AND (d.refclassid = 'pg_extension'::regclass AND d.deptype IN ('e', 'x')  -- of all
        OR d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass  -- of all
           AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)  -- of all
   AND d.refclassid = 'pg_extension'::regclass AND d.deptype IN ('e', 'x')  -- of some
UNION ALL  -- of some
SELECT 'pg_depend', d.objid, d.refobjsubid, d.refobjid, '', '', d.xmin FROM pg_depend d  -- of some
 WHERE 'pg_depend' = ANY (%(catalogs)s) AND age(d.xmin) <= (SELECT age FROM since)  -- of some
   AND d.classid = 'pg_class'::regclass AND d.objid = ANY (%(locked)s::oid[])  -- of some
   AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0  -- of some
)  -- of some
   , present (id) AS (  -- of some
    SELECT pg_current_xact_id_if_assigned()::text::bigint + age(pg_current_xact_id_if_assigned()::xid))  -- of some
SELECT catalog, oid, part, container, kind, name FROM written  -- of some
 WHERE pg_xact_status(((SELECT id FROM present) - age(writer))::text::xid8) = 'in progress'  -- of some
