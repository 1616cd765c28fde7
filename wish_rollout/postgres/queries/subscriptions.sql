-- Subscriptions of this database. The connection string is never read: it can contain a password.
-- Manual: pg_subscription. Two-phase commit is read as requested; the state that the server has reached is not read.
SELECT s.oid AS _oid,
       'subscription' AS _kind,
       quote_ident(s.subname) AS _name,
       s.subowner AS _owner,
       NOT s.subenabled AS disabled,
       s.subpublications AS publications,
       CASE WHEN s.subslotname IS NULL THEN '(none)' WHEN s.subslotname <> s.subname THEN s.subslotname::text
        END AS slot,
       NULLIF(s.subsynccommit, 'off') AS "synchronous commit",
       s.subbinary AS "binary"
       , CASE WHEN s.substream THEN 'on' END AS streaming  -- until 15
       , CASE s.substream WHEN 't' THEN 'on' WHEN 'p' THEN 'parallel' END AS streaming  -- since 16, until 17
       , CASE s.substream WHEN 't' THEN 'on' WHEN 'f' THEN 'off' END AS streaming  -- since 18
       , NULLIF(s.subskiplsn, '0/0')::text AS skip  -- since 15
       , s.subtwophasestate <> 'd' AS "two phase"  -- since 15
       , s.subdisableonerr AS "disable on error"  -- since 15
       , NOT s.subpasswordrequired AS "no password required"  -- since 16
       , s.subrunasowner AS "run as owner"  -- since 16
       , NULLIF(s.suborigin, 'any') AS origin  -- since 16
       , s.subfailover AS failover  -- since 17
  FROM pg_subscription s
 WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
