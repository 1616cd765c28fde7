"""An Alembic folder whose models have the schema of the benchmark."""
