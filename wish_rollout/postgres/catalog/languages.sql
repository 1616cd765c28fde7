-- Procedural languages that are not an extension's. Manual: pg_language.
SELECT l.oid AS _oid,
       'language' AS _kind,
       quote_ident(l.lanname) AS _name,
       'l' AS _acl_type,
       l.lanacl::text[] AS _acl,
       l.lanowner AS _owner,
       NULLIF(l.lanplcallfoid, 0)::regprocedure::text AS handler,
       NULLIF(l.laninline, 0)::regprocedure::text AS "inline",
       NULLIF(l.lanvalidator, 0)::regprocedure::text AS validator,
       l.lanpltrusted AS trusted
  FROM pg_language l
 WHERE l.oid >= 16384
   AND l.oid <> ALL (%(pg_language)s::oid[])
