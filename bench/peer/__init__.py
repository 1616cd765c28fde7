"""What peers need: an Alembic folder whose models are the benchmark's schema."""
