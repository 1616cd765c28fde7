-- Row security policies. Manual: pg_policy, CREATE POLICY.
SELECT p.oid AS _oid,
       'policy' AS _kind,
       p.polrelid AS _relation,
       quote_ident(p.polname) AS _name,
       CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
        END AS command,
       NOT p.polpermissive AS restrictive,
       NULLIF(p.polroles, '{0}') AS roles,
       flat(p.polqual) || pg_get_expr(p.polqual, p.polrelid) AS "using",
       flat(p.polwithcheck) || pg_get_expr(p.polwithcheck, p.polrelid) AS "with check"
  FROM pg_policy p
  JOIN pg_class c ON c.oid = p.polrelid
 WHERE c.relnamespace = ANY (%(namespaces)s::oid[])
   AND c.oid <> ALL (%(pg_class)s::oid[])
   AND p.polrelid = ANY (%(relations)s::oid[])  -- of some
