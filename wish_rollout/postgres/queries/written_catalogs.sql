-- How many rows of each catalog, where any, this session has inserted, updated and deleted since it last reported its statistics,
-- which it never does in the middle of a transaction; and how far back its transaction's own rows go.
-- Manual: "The Cumulative Statistics System", pg_stat_get_xact_tuples_inserted.
SELECT c.oid::regclass::text AS catalog,
       pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) AS written,
       pg_stat_get_xact_tuples_deleted(c.oid) AS deleted
  FROM unnest(%(catalogs)s::oid[]) AS c (oid)
 WHERE pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid)
       + pg_stat_get_xact_tuples_deleted(c.oid) > 0
