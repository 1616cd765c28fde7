"""Reading the system catalogs: from catalog rows to a snapshot and the state of a database.

The queries are in ``postgres.queries``, one file each. Not here: normalizing expressions (``postgres.expressions``).
"""
