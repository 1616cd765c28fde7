-- Languages. For one that belongs to the server or an extension, only changed privileges. Manual: pg_language.
SELECT l.oid AS _oid,
       'language' AS _kind,
       quote_ident(l.lanname) AS _name,
       'l' AS _acl_type,
       l.lanacl::text[] AS _acl,
       l.lanowner AS _holder,
       CASE WHEN o.is_user_defined THEN l.lanowner END AS _owner,
       CASE WHEN o.is_user_defined THEN NULLIF(l.lanplcallfoid, 0)::regprocedure::text END AS handler,
       CASE WHEN o.is_user_defined THEN NULLIF(l.laninline, 0)::regprocedure::text END AS "inline",
       CASE WHEN o.is_user_defined THEN NULLIF(l.lanvalidator, 0)::regprocedure::text END AS validator,
       l.lanpltrusted AND o.is_user_defined AS trusted
  FROM pg_language l
 CROSS JOIN LATERAL (SELECT l.oid >= 16384 AND l.oid <> ALL (%(pg_language)s::oid[]) AS is_user_defined) o
 WHERE o.is_user_defined
    OR NOT (l.lanacl @> acldefault('l', l.lanowner) AND l.lanacl <@ acldefault('l', l.lanowner))
