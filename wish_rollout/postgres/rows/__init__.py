"""Rows of user tables: sampled, counted, and checked against requirements.

The requirements are values of ``core.rows``.
"""
