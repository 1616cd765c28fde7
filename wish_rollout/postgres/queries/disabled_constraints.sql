-- Foreign keys whose internal triggers do not fire by default, as after ALTER TABLE … DISABLE TRIGGER ALL.
SELECT t.tgconstraint,
       min(CASE t.tgenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END)
  FROM pg_trigger t
 WHERE t.tgisinternal
   AND t.tgenabled <> 'O'
   AND t.tgconstraint <> 0
   AND t.tgrelid = ANY (%(relations)s::oid[])  -- of some
 GROUP BY t.tgconstraint
