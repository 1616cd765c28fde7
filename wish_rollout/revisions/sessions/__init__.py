"""Sessions of a run: one psycopg session for all connections that env.py and the revisions open.

What is executed on them is in ``runs``.
"""
