"""Reading the catalog: from system catalog rows to a snapshot and a database's state.

The queries are in ``queries``, one file each; normalizing expressions is in ``postgres.expressions``.
"""
