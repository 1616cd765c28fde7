"""Reads a token that changes whenever the schema changes.

The token can change although the schema did not; it never stays equal when the schema changed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.queries import load_query

if TYPE_CHECKING:
    import psycopg

# The smaller catalogs that a snapshot reads, and the first supported version that has each.
_SMALL_CATALOGS = {
    "pg_aggregate": 14,
    "pg_am": 14,
    "pg_amop": 14,
    "pg_amproc": 14,
    "pg_attrdef": 14,
    "pg_cast": 14,
    "pg_collation": 14,
    "pg_conversion": 14,
    "pg_default_acl": 14,
    "pg_description": 14,
    "pg_enum": 14,
    "pg_event_trigger": 14,
    "pg_extension": 14,
    "pg_foreign_data_wrapper": 14,
    "pg_foreign_server": 14,
    "pg_foreign_table": 14,
    "pg_index": 14,
    "pg_inherits": 14,
    "pg_init_privs": 14,
    "pg_language": 14,
    "pg_namespace": 14,
    "pg_opclass": 14,
    "pg_operator": 14,
    "pg_opfamily": 14,
    "pg_partitioned_table": 14,
    "pg_policy": 14,
    "pg_proc": 14,
    "pg_publication": 14,
    "pg_publication_namespace": 15,
    "pg_publication_rel": 14,
    "pg_range": 14,
    "pg_rewrite": 14,
    "pg_sequence": 14,
    "pg_statistic_ext": 14,
    "pg_tablespace": 14,
    "pg_transform": 14,
    "pg_trigger": 14,
    "pg_ts_config": 14,
    "pg_ts_config_map": 14,
    "pg_ts_dict": 14,
    "pg_ts_parser": 14,
    "pg_ts_template": 14,
}


def change_token(connection: psycopg.Connection) -> str:
    """Return a token of the database's system catalogs; takes one round trip, or two with foreign servers or subscriptions.

    Two equal tokens of one database mean that its schema is unchanged. If they differ, the schema has to be read.
    Tokens of different databases or servers cannot be compared. Raises psycopg's errors.
    """
    major = connection.info.server_version // 10000
    token, *flags = _row(connection, _query(major))
    if not any(flags):
        return str(token)
    return f"{token}.{_row(connection, load_query('remote_change_token', major).encode())[0]}"


def _row(connection: psycopg.Connection, query: bytes) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


@cache
def _query(major: int) -> bytes:
    others = " UNION ALL\n".join(
        f"SELECT hash_record_extended(ROW(c.xmin, c.ctid), {seed}) AS hash FROM {name} c"  # noqa: S608 - constant names
        for seed, (name, first_version) in enumerate(_SMALL_CATALOGS.items(), start=10)
        if major >= first_version
    )
    return load_query("change_token", major).replace("%(others)s", others).encode()
