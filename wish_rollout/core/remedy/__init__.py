"""Remedies: the SQL that leads from one schema to another, and what it does not cover.

``remedy`` is the entry, ``composition`` decides the order, ``writers`` write the statements.
Running the SQL, and proving that it leads to the schema, is in ``rollout``.
"""
