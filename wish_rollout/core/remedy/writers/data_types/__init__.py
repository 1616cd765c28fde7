"""Statements for types: enums, domains, composite types and ranges.

Columns that change their type are in ``relations``.
"""
