-- All comments except those that initdb creates. Manual: pg_description.
SELECT d.classoid::regclass::text, d.objoid, d.objsubid, d.description
  FROM pg_description d
 WHERE (d.objoid >= 16384
        OR d.objoid = 2200  -- public
        OR d.classoid = 'pg_extension'::regclass)
   AND d.objoid = ANY (%(objects)s::oid[])  -- of some
