"""Snapshots of a schema, their names and their delta.

The SQL that leads from one snapshot to another is in ``core.remedy``.
"""
