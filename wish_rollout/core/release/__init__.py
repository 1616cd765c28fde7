"""A release: its revisions, its digest, and which of its statements can be repeated.

Alembic's script folder is read in ``revisions``.
"""
