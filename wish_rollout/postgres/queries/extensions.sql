-- Extensions. What they own is theirs, and no object of its own here. Manual: pg_extension.
-- No statement sets an extension's owner; it is whoever created it, and that differs between servers.
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
