-- All objects whose stored definition names one of the given objects, directly or through others. Manual: pg_depend.
WITH RECURSIVE reached (classid, objid) AS (
    SELECT x.catalog::regclass::oid, x.oid
      FROM unnest(%(catalogs)s::text[], %(oids)s::oid[]) AS x (catalog, oid)
     UNION
    SELECT d.classid, d.objid
      FROM reached r
     CROSS JOIN LATERAL (SELECT p.classid, p.objid FROM pg_depend p
                          WHERE p.refclassid = r.classid AND p.refobjid = r.objid AND p.deptype <> 'e' OFFSET 0) AS d
)
SELECT r.classid::regclass::text, r.objid,
       CASE r.classid WHEN 'pg_attrdef'::regclass THEN (SELECT a.adrelid FROM pg_attrdef a WHERE a.oid = r.objid)
                      WHEN 'pg_rewrite'::regclass THEN (SELECT w.ev_class FROM pg_rewrite w WHERE w.oid = r.objid)
                      WHEN 'pg_trigger'::regclass THEN (SELECT t.tgrelid FROM pg_trigger t WHERE t.oid = r.objid)
                      WHEN 'pg_policy'::regclass THEN (SELECT p.polrelid FROM pg_policy p WHERE p.oid = r.objid)
                      WHEN 'pg_constraint'::regclass
                      THEN (SELECT c.conrelid FROM pg_constraint c WHERE c.oid = r.objid) END,
       CASE r.classid WHEN 'pg_constraint'::regclass
                      THEN (SELECT c.contypid FROM pg_constraint c WHERE c.oid = r.objid) END
  FROM reached r
