-- Operator families, with the members that belong to none of their classes. CREATE OPERATOR CLASS without FAMILY creates
-- a family of the same name; it is read like any other. Manual: pg_opfamily, ALTER OPERATOR FAMILY.
SELECT f.oid AS _oid,
       'operator family' AS _kind,
       n.name || '.' || quote_ident(f.opfname) || ' USING ' || quote_ident(a.amname) AS _name,
       f.opfowner AS _owner,
       ARRAY(SELECT concat(p.amopstrategy, ' ', p.amopopr::regoperator,
                           (SELECT concat(' FOR ORDER BY ', s.opfnamespace::regnamespace, '.', quote_ident(s.opfname))
                              FROM pg_opfamily s WHERE s.oid = p.amopsortfamily))
               FROM pg_depend d JOIN pg_amop p ON p.oid = d.objid
              WHERE d.classid = 'pg_amop'::regclass AND d.refclassid = 'pg_opfamily'::regclass
                AND d.refobjid = f.oid
                AND NOT EXISTS (SELECT FROM pg_opclass c WHERE c.opcfamily = f.oid AND c.opcintype = p.amoplefttype
                                                          AND c.opcintype = p.amoprighttype)
              ORDER BY p.amopstrategy, p.amopopr::regoperator::text COLLATE "C") AS operators,
       ARRAY(SELECT concat(p.amprocnum, ' (', p.amproclefttype::regtype, ', ', p.amprocrighttype::regtype, ') ',
                           p.amproc::oid::regprocedure)
               FROM pg_depend d JOIN pg_amproc p ON p.oid = d.objid
              WHERE d.classid = 'pg_amproc'::regclass AND d.refclassid = 'pg_opfamily'::regclass
                AND d.refobjid = f.oid
                AND NOT EXISTS (SELECT FROM pg_opclass c WHERE c.opcfamily = f.oid AND c.opcintype = p.amproclefttype
                                                          AND c.opcintype = p.amprocrighttype)
              ORDER BY p.amprocnum, p.amproclefttype::regtype::text COLLATE "C",
                       p.amprocrighttype::regtype::text COLLATE "C") AS functions
  FROM pg_opfamily f
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = f.opfnamespace
  JOIN pg_am a ON a.oid = f.opfmethod
 WHERE f.oid <> ALL (%(pg_opfamily)s::oid[])
