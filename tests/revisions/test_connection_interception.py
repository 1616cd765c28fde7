"""Connections that env.py opens by a driver: they lead to the database that is migrated."""

from __future__ import annotations

import psycopg

from wish_rollout.revisions.sessions.connection_interception import address_of


def test_address_has_no_default_that_older_drivers_refuse(database18: str) -> None:
    """libpq 16 and later report one; see findings/libpq_reports_a_default_that_older_libpq_refuses.sh."""
    with psycopg.connect(database18) as connection:
        assert connection.info.get_parameters()["sslcertmode"] == "allow"

        address = address_of(connection)

        assert "sslcertmode" not in address
        assert address["dbname"] == connection.info.dbname
