-- The collations that indexes and types name, by number: the database's default too, which a key can have although
-- its column has another.
SELECT c.oid, c.oid::regcollation::text
  FROM pg_collation c
 WHERE c.oid >= 16384 OR c.oid IN (SELECT unnest(i.indcollation) FROM pg_index i
                                    WHERE i.indrelid = ANY (%(relations)s::oid[])  -- of some
                                   )
