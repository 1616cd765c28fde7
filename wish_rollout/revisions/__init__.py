"""The only importer of Alembic and SQLAlchemy."""
