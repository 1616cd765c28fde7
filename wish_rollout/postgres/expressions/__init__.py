"""Normalizing deparsed expressions and definitions, so that they are equal on all major versions.

Not here: reading them from the system catalogs (``postgres.catalog``).
"""
