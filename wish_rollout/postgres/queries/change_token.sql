-- A token of the catalog. It changes whenever a row that a snapshot reads is inserted, updated or deleted.
-- A row is identified by its location and its inserting transaction (ctid, xmin), which is inexpensive to read.
-- Operations that rewrite rows without changing the schema (VACUUM FULL, ANALYZE) change the token too. For catalogs
-- that only superusers can read, the token uses the readable columns. Manual: "System Columns".
SELECT concat_ws('.',
       (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
       (SELECT bit_xor(hash_record_extended(ROW(x.xmin, x.ctid), 1)) FROM pg_class x),
       (SELECT bit_xor(hash_record_extended(ROW(x.xmin, x.ctid), 2)) FROM pg_attribute x),
       (SELECT bit_xor(hash_record_extended(ROW(x.xmin, x.ctid), 3)) FROM pg_constraint x),
       (SELECT bit_xor(hash_record_extended(ROW(x.xmin, x.ctid), 4)) FROM pg_type x),
       (SELECT bit_xor(hash_record_extended(ROW(x.xmin, x.ctid), 5)) FROM pg_depend x),
       (SELECT bit_xor(x.hash) FROM (
%(others)s
       ) x),
       (SELECT bit_xor(hash_record_extended(ROW(x.oid, x.rolname), 7)) FROM pg_roles x))
       , EXISTS (SELECT FROM pg_foreign_server)
       , EXISTS (SELECT FROM pg_subscription)
