-- Properties of NOT NULL constraints other than that the column is not nullable. Tables have them from 18 on.
-- Manual: pg_constraint.
SELECT c.conrelid AS _relation,
       c.conkey[1] AS _number,
       c.conislocal AS _local,
       c.conname AS _name,
       r.relname AS _table,
       a.attname AS _column,
       c.connoinherit AS "not null no inherit",
       NOT c.convalidated AS "not null not valid",
       obj_description(c.oid, 'pg_constraint') AS "not null comment"
  FROM pg_constraint c
  LEFT JOIN pg_class r ON r.oid = c.conrelid
  LEFT JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
 WHERE c.contype = 'n'
   AND c.connamespace = ANY (%(namespaces)s::oid[])
   AND c.conrelid <> 0
   AND (c.connoinherit OR NOT c.convalidated OR c.conislocal AND c.conname <> concat(r.relname, '_', a.attname, '_not_null')
        OR EXISTS (SELECT FROM pg_description d  -- of all
                    WHERE d.classoid = 'pg_constraint'::regclass AND d.objoid = c.oid))  -- of all
        OR obj_description(c.oid, 'pg_constraint') IS NOT NULL)  -- of some
   AND c.conrelid = ANY (%(relations)s::oid[])  -- of some
