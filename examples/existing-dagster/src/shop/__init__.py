"""A Dagster project that rolls out its database before it uses it."""
