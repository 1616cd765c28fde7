"""Execution of a migration: locks, watchdog, blocking transactions, statement results, and removal of objects.

``rollout.execution`` determines the order of a migration.
"""
