-- Event triggers. Manual: pg_event_trigger.
SELECT e.oid AS _oid,
       'event trigger' AS _kind,
       quote_ident(e.evtname) AS _name,
       e.evtowner AS _owner,
       e.evtevent AS event,
       e.evtfoid::regprocedure::text AS function,
       e.evttags AS tags,
       CASE e.evtenabled WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS enabled
  FROM pg_event_trigger e
 WHERE e.oid <> ALL (%(pg_event_trigger)s::oid[])
   -- those of `wish-rollout watch install`, which belong to this program
   AND NOT (e.evtname IN ('wish_rollout_ddl_log', 'wish_rollout_drop_log')
            AND e.evtfoid IN (SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                               WHERE n.nspname = 'wish_rollout' AND p.proname IN ('log_ddl', 'log_drop')))
