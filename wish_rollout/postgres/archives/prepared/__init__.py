"""Columns that are copied before a rollback locks their tables."""
