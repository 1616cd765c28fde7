-- User mappings. Only a superuser can read all their options, so the options are not part of the fingerprint.
-- Manual: pg_user_mappings.
SELECT u.umid AS _oid,
       'user mapping' AS _kind,
       u.umuser AS _role,
       quote_ident(u.srvname) AS _server,
       u.umoptions AS "mapping options"
  FROM pg_user_mappings u
