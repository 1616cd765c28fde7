"""The only package that contains SQL and uses psycopg 3.

Subpackages: sessions, catalog, expressions, execution, records, rows.
"""
