"""Everything that is sent to PostgreSQL: the only package that contains SQL and uses psycopg 3.

Subpackages: ``sessions``, ``catalog``, ``expressions``, ``execution``, ``records``, ``rows``, ``queries``.
Not here: decisions about what to run and when (``rollout``), and schema comparison (``core``).
"""
