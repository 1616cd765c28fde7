"""Deparsed expressions and definitions, normalized so that they are equal on all major versions.

Reading them from the catalog is in ``postgres.catalog``.
"""
