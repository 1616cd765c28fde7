-- Foreign data wrappers. Manual: pg_foreign_data_wrapper.
SELECT f.oid AS _oid,
       'foreign data wrapper' AS _kind,
       quote_ident(f.fdwname) AS _name,
       'F' AS _acl_type,
       f.fdwacl::text[] AS _acl,
       f.fdwowner AS _owner,
       NULLIF(f.fdwhandler, 0)::regprocedure::text AS handler,
       NULLIF(f.fdwvalidator, 0)::regprocedure::text AS validator,
       f.fdwoptions AS options
  FROM pg_foreign_data_wrapper f
 WHERE f.oid <> ALL (%(pg_foreign_data_wrapper)s::oid[])
