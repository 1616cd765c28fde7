"""Snapshots of a schema, object names, and deltas between snapshots.

The SQL that changes one schema into another is written in ``core.remedy``.
"""
