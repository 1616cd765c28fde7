"""The extensions that a schema cannot be created without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

USED = """
select distinct quote_ident(e.extname)
from pg_depend d
left join pg_type t on d.refclassid = 'pg_type'::regclass and t.oid = d.refobjid
join pg_depend m on m.deptype = 'e' and m.refclassid = 'pg_extension'::regclass and m.classid = d.refclassid
                and m.objid in (d.refobjid, t.typelem)
join pg_extension e on e.oid = m.refobjid
where d.deptype in ('n', 'a') and d.classid <> 'pg_extension'::regclass
  and not exists (select from pg_depend x where x.deptype = 'e' and x.classid = d.classid and x.objid = d.objid)
  and not exists (select from pg_depend o
                  join pg_depend x on x.deptype = 'e' and x.classid = o.refclassid and x.objid = o.refobjid
                  where o.deptype in ('a', 'i') and o.classid = d.classid and o.objid = d.objid)
"""
"""Parts of an extension's objects are no members of it, nor is an array type of its types (manual, pg_depend)."""


def read_used_extensions(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Return the names of the extensions that objects outside of them depend on, quoted as in a snapshot.

    What the body of a function uses is not known to the server (manual, 5.15 Dependency Tracking).
    """
    return frozenset(row[0] for row in connection.execute(USED))
