-- Operator classes with their operators and functions. Some access methods make all members depend on the operator family
-- (manual, pg_depend; amadjustmembers); there, a member that is only on the type of a class belongs to that class.
-- Manual: pg_opclass, pg_amop.
SELECT o.oid AS _oid,
       'operator class' AS _kind,
       n.name || '.' || quote_ident(o.opcname) || ' USING ' || quote_ident(a.amname) AS _name,
       o.opcowner AS _owner,
       f.opfnamespace::regnamespace || '.' || quote_ident(f.opfname) AS family,
       o.opcintype::regtype::text AS type,
       o.opcdefault AS "default",
       NULLIF(o.opckeytype, 0)::regtype::text AS storage,
       ARRAY(SELECT concat(p.amopstrategy, ' ', p.amopopr::regoperator,
                           (SELECT concat(' FOR ORDER BY ', s.opfnamespace::regnamespace, '.', quote_ident(s.opfname))
                              FROM pg_opfamily s WHERE s.oid = p.amopsortfamily))
               FROM pg_depend d JOIN pg_amop p ON p.oid = d.objid
              WHERE d.classid = 'pg_amop'::regclass
                AND (d.refclassid = 'pg_opclass'::regclass AND d.refobjid = o.oid AND d.deptype = 'i'
                     OR d.refclassid = 'pg_opfamily'::regclass AND d.refobjid = f.oid
                        AND p.amoplefttype = o.opcintype AND p.amoprighttype = o.opcintype)
              ORDER BY p.amopstrategy, p.amopopr::regoperator::text COLLATE "C") AS operators,
       ARRAY(SELECT concat(p.amprocnum, ' (', p.amproclefttype::regtype, ', ', p.amprocrighttype::regtype, ') ',
                           p.amproc::oid::regprocedure)
               FROM pg_depend d JOIN pg_amproc p ON p.oid = d.objid
              WHERE d.classid = 'pg_amproc'::regclass
                AND (d.refclassid = 'pg_opclass'::regclass AND d.refobjid = o.oid AND d.deptype = 'i'
                     OR d.refclassid = 'pg_opfamily'::regclass AND d.refobjid = f.oid
                        AND p.amproclefttype = o.opcintype AND p.amprocrighttype = o.opcintype)
              ORDER BY p.amprocnum, p.amproclefttype::regtype::text COLLATE "C",
                       p.amprocrighttype::regtype::text COLLATE "C") AS functions
  FROM pg_opclass o
  JOIN unnest(%(namespaces)s::oid[], %(namespace_names)s::text[]) AS n (oid, name) ON n.oid = o.opcnamespace
  JOIN pg_am a ON a.oid = o.opcmethod
  JOIN pg_opfamily f ON f.oid = o.opcfamily
 WHERE o.oid <> ALL (%(pg_opclass)s::oid[])
