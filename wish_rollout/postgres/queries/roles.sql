-- The names of the roles of the cluster, by OID.
SELECT r.oid, r.rolname FROM pg_roles r
