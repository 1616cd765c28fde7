"""Statements for relations and their parts: constraints, indexes, triggers.

Columns are in ``columns``, types in ``data_types``; all other objects are in ``writers`` itself.
"""
