"""Reads which tables a subscription of logical replication fills, from ``pg_subscription_rel``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.plan.received_records import ReceivedRecords

if TYPE_CHECKING:
    import psycopg

RECEIVED = """
select quote_ident(s.subname),
       array_agg(r.name order by r.name) filter (where r.is_record),
       coalesce(array_agg(r.name order by r.name) filter (where not r.is_record), '{}')
from pg_subscription s
join (select srsubid, format('%%I.%%I', nspname, relname) as name,
             nspname = 'wish_rollout' or c.oid = to_regclass(format('%%I.%%I', %s::text, %s::text)) as is_record
      from pg_subscription_rel join pg_class c on c.oid = srrelid join pg_namespace n on n.oid = relnamespace) as r
  on r.srsubid = s.oid
group by s.subname having bool_or(r.is_record) order by s.subname limit 1
"""


def read_received_records(connection: psycopg.Connection[Any], version_table: str) -> ReceivedRecords | None:
    """Return the first subscription that fills the ledger, the journal or the version table; None if none does.

    ``version_table``: its name as ``schema.table``.
    """
    row = connection.execute(RECEIVED, version_table.split(".")).fetchone()
    return ReceivedRecords(row[0], tuple(row[1]), tuple(row[2])) if row else None
