"""Facts about a database: its server, the role's privileges, the version table, and numbers of rows.

The schema is read in ``catalog``.
"""
