-- Languages. Of one that comes with the server or an extension, only what was granted and revoked. Manual: pg_language.
SELECT l.oid AS _oid,
       'language' AS _kind,
       quote_ident(l.lanname) AS _name,
       'l' AS _acl_type,
       l.lanacl::text[] AS _acl,
       l.lanowner AS _holder,
       CASE WHEN o.ours THEN l.lanowner END AS _owner,
       CASE WHEN o.ours THEN NULLIF(l.lanplcallfoid, 0)::regprocedure::text END AS handler,
       CASE WHEN o.ours THEN NULLIF(l.laninline, 0)::regprocedure::text END AS "inline",
       CASE WHEN o.ours THEN NULLIF(l.lanvalidator, 0)::regprocedure::text END AS validator,
       l.lanpltrusted AND o.ours AS trusted
  FROM pg_language l
 CROSS JOIN LATERAL (SELECT l.oid >= 16384 AND l.oid <> ALL (%(pg_language)s::oid[]) AS ours) o
 WHERE o.ours
    OR NOT (l.lanacl @> acldefault('l', l.lanowner) AND l.lanacl <@ acldefault('l', l.lanowner))
