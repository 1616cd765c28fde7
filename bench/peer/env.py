"""The env.py for the measured ``alembic check``: models without revisions."""

import os

from alembic import context
from sqlalchemy import create_engine

from bench.peer.models import declare

with create_engine(os.environ["BENCH_URL"]).connect() as connection:
    context.configure(connection, target_metadata=declare(int(os.environ["BENCH_TABLES"])), compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
