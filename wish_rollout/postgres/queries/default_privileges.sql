-- Default privileges. Manual: pg_default_acl, ALTER DEFAULT PRIVILEGES.
SELECT d.oid AS _oid,
       d.defaclrole AS _role,
       quote_ident(n.nspname) AS _schema,
       d.defaclobjtype::text AS _type,
       d.defaclacl::text[] AS _acl
  FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
 WHERE d.defaclnamespace = 0
    OR d.defaclnamespace = ANY (%(namespaces)s::oid[])
