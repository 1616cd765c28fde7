-- The collations that index keys and types can name, by OID. The default collation of the database is included, because
-- an index key can use it although its column has another collation.
SELECT c.oid, c.oid::regcollation::text
  FROM pg_collation c
 WHERE c.oid >= 16384 OR c.oid IN (SELECT unnest(i.indcollation) FROM pg_index i
                                    WHERE i.indrelid = ANY (%(relations)s::oid[])  -- of some
                                   )
