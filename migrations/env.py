"""The Alembic environment of this project. For the ``alembic`` command, set DATABASE_URL."""

from __future__ import annotations

import os

import alembic_postgresql_enum  # noqa: F401  (registers the comparison, creation and removal of enums)
import sqlalchemy as sa
from alembic import context

from migrations.schema import metadata


def run() -> None:
    """Run the migrations on the connection of the caller, or on DATABASE_URL."""
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate_on(given)
        return
    url = sa.make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        migrate_on(connection)


def migrate_on(connection: sa.Connection) -> None:
    """Run the scripts in one transaction."""
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()


run()
