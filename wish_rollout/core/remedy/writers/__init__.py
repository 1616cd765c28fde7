"""The writers of SQL statements: one module a kind of object.

The order of the statements is decided in ``core.remedy``.
"""
