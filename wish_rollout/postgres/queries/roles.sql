-- The names of the cluster's roles, by number.
SELECT r.oid, r.rolname FROM pg_roles r
