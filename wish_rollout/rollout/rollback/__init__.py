"""Rollbacks: the act itself, and the archive of the rows that it would destroy.

The plan of a rollback is in ``planning``, restoring an archive in ``archives``.
"""
