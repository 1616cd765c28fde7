"""What a coming schema requires of rows that exist.

The queries that check these requirements are in ``postgres.rows``.
"""
