-- The part of the token of the catalog for the catalogs of which a role that is no superuser can read some columns only. A
-- query of its own, because most databases have neither user mappings nor subscriptions.
SELECT concat_ws('.',
       (SELECT bit_xor(hashtextextended(x::text, 8)) FROM pg_user_mappings x),
       (SELECT bit_xor(hashtextextended(concat_ws(',', x.oid, x.subname, x.subowner, x.subenabled, x.subslotname,
                                                  x.subbinary, x.substream, x.subpublications, x.subsynccommit
                                                  , x.subtwophasestate, x.subdisableonerr, x.subskiplsn  -- since 15
                                                  , x.subpasswordrequired, x.subrunasowner, x.suborigin  -- since 16
                                                  , x.subfailover  -- since 17
                                                  ), 9)) FROM pg_subscription x))
