"""Takes an Alembic release from a laptop to production, and proves every step."""

__version__ = "0.1.0"
