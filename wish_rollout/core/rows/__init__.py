"""Requirements of a new schema for existing rows.

The queries that check these requirements are in ``postgres.rows``.
"""
