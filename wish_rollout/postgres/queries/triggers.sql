-- Triggers, without internal triggers, and without triggers of a partition that equal those of its parent.
-- Manual: pg_trigger.
SELECT t.oid AS _oid,
       'trigger' AS _kind,
       t.tgrelid AS _relation,
       quote_ident(t.tgname) AS _name,
       CASE WHEN t.tgconstraint <> 0 THEN true END AS "constraint",
       flat(t.tgqual) || substr(pg_get_triggerdef(t.oid),
              length(CASE WHEN t.tgconstraint <> 0 THEN 'CREATE CONSTRAINT TRIGGER  ' ELSE 'CREATE TRIGGER  ' END
                     || quote_ident(t.tgname)) + 1) AS _definition,
       CASE WHEN t.tgconstraint <> 0 THEN obj_description(t.tgconstraint, 'pg_constraint') END AS "constraint comment",
       CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS enabled
  FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid
 WHERE NOT t.tgisinternal  -- since 15
 WHERE (NOT t.tgisinternal OR t.tgparentid <> 0 AND t.tgconstrindid = 0)  -- until 14
   AND (t.tgparentid = 0
        OR t.tgenabled <> (SELECT p.tgenabled FROM pg_trigger p WHERE p.oid = t.tgparentid)
        OR obj_description(t.oid, 'pg_trigger') IS NOT NULL)
   AND c.relnamespace = ANY (%(namespaces)s::oid[])
   AND c.oid <> ALL (%(pg_class)s::oid[])
   AND t.tgrelid = ANY (%(relations)s::oid[])  -- of some
