"""Settings that a database has of its own: ``ALTER DATABASE … SET`` and ``ALTER ROLE … IN DATABASE … SET``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

SETTINGS: LiteralString = """
select case when s.setrole = 0 then '' else 'role ' || pg_get_userbyid(s.setrole) || ': ' end,
       split_part(each, '=', 1), substr(each, strpos(each, '=') + 1)
from pg_db_role_setting s cross join unnest(s.setconfig) as each
where s.setdatabase = (select oid from pg_database where datname = current_database())
order by 1, 2
"""
HIDDEN = "(hidden)"


def read_database_settings(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Return the settings of the current database, and of roles in it: name → value (manual, 52.16 pg_db_role_setting).

    Values of custom settings, whose names contain a dot, are hidden, because applications keep secrets in them. Settings
    of a role have the name of the role before their own.
    """
    rows = connection.execute(SETTINGS)
    return {f"{role}{name}": HIDDEN if "." in name else value for role, name, value in rows}
