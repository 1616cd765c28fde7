-- Extensions. Their member objects are not read as separate objects. Manual: pg_extension.
-- The owner is not read: no statement changes it, and it is the role that created the extension on each server.
SELECT e.oid AS _oid,
       'extension' AS _kind,
       quote_ident(e.extname) AS _name,
       NULL::oid AS _owner,
       quote_ident(n.nspname) AS schema,
       e.extversion AS "installed version",
       v.comment AS _default_comment
  FROM pg_extension e
  JOIN pg_namespace n ON n.oid = e.extnamespace
  LEFT JOIN pg_available_extensions v ON v.name = e.extname
