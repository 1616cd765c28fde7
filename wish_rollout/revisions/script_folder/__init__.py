"""The Alembic script folder: configuration, scripts, and what revisions declare.

What runs the scripts is in ``runs``.
"""
