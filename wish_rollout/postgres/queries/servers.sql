-- Foreign servers. Manual: pg_foreign_server.
SELECT s.oid AS _oid,
       'server' AS _kind,
       quote_ident(s.srvname) AS _name,
       'S' AS _acl_type,
       s.srvacl::text[] AS _acl,
       s.srvowner AS _owner,
       quote_ident(f.fdwname) AS "foreign data wrapper",
       s.srvtype AS type,
       s.srvversion AS version,
       s.srvoptions AS options
  FROM pg_foreign_server s
  JOIN pg_foreign_data_wrapper f ON f.oid = s.srvfdw
 WHERE s.oid <> ALL (%(pg_foreign_server)s::oid[])
