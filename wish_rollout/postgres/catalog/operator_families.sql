-- Operator families, with the operators and functions that belong to no class of theirs. Manual: pg_opfamily.
-- One that CREATE OPERATOR CLASS makes by itself, or that looks so, is left out: it has one class, of the same
-- name and owner, and no comment. What is loose in it is then told with that class.
SELECT f.oid AS _oid,
       'operator family' AS _kind,
       n.name || '.' || quote_ident(f.opfname) || ' USING ' || quote_ident(a.amname) AS _name,
       f.opfowner AS _owner,
       l.operators,
       l.functions
  FROM pg_opfamily f
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = f.opfnamespace
  JOIN pg_am a ON a.oid = f.opfmethod
 CROSS JOIN LATERAL (
       SELECT ARRAY(SELECT concat(p.amopstrategy, ' ', p.amopopr::regoperator,
                                  (SELECT concat(' FOR ORDER BY ', s.opfnamespace::regnamespace, '.',
                                                 quote_ident(s.opfname))
                                     FROM pg_opfamily s WHERE s.oid = p.amopsortfamily))
                      FROM pg_depend d JOIN pg_amop p ON p.oid = d.objid
                     WHERE d.classid = 'pg_amop'::regclass AND d.refclassid = 'pg_opfamily'::regclass
                       AND d.refobjid = f.oid AND p.amopfamily = f.oid
                     ORDER BY p.amopstrategy, p.amopopr::regoperator::text COLLATE "C") AS operators,
              ARRAY(SELECT concat(p.amprocnum, ' (', p.amproclefttype::regtype, ', ', p.amprocrighttype::regtype,
                                  ') ', p.amproc::oid::regprocedure)
                      FROM pg_depend d JOIN pg_amproc p ON p.oid = d.objid
                     WHERE d.classid = 'pg_amproc'::regclass AND d.refclassid = 'pg_opfamily'::regclass
                       AND d.refobjid = f.oid AND p.amprocfamily = f.oid
                     ORDER BY p.amprocnum, p.amproclefttype::regtype::text COLLATE "C",
                              p.amprocrighttype::regtype::text COLLATE "C") AS functions) l
 WHERE f.oid <> ALL (%(pg_opfamily)s::oid[])
   AND NOT (obj_description(f.oid, 'pg_opfamily') IS NULL
            AND (SELECT count(*) FROM pg_opclass o WHERE o.opcfamily = f.oid) = 1
            AND EXISTS (SELECT FROM pg_opclass o
                         WHERE o.opcfamily = f.oid AND o.opcname = f.opfname
                           AND o.opcnamespace = f.opfnamespace AND o.opcowner = f.opfowner))
