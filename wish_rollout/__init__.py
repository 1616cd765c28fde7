"""Wish Rollout applies an Alembic release to each environment in turn, and verifies the schema after each step."""

__version__ = "0.1.0"
