-- Rules, without the ON SELECT rule of a view. Manual: pg_rewrite.
SELECT r.oid AS _oid,
       'rule' AS _kind,
       r.ev_class AS _relation,
       quote_ident(r.rulename) AS _name,
       flat(concat(r.ev_qual, r.ev_action)) || substr(pg_get_ruledef(r.oid), length('CREATE RULE  AS ' || quote_ident(r.rulename)) + 1) AS _definition,
       CASE r.ev_enabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS enabled
  FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class
 WHERE r.rulename <> '_RETURN'
   AND c.relnamespace = ANY (%(namespaces)s::oid[])
   AND c.oid <> ALL (%(pg_class)s::oid[])
   AND r.oid <> ALL (%(pg_rewrite)s::oid[])
   AND r.ev_class = ANY (%(relations)s::oid[])  -- of some
