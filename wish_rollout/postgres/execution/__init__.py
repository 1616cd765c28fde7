"""What runs beside and within a migration: watchdog, blocker forecast, recorded statement results, removal of objects.

The order of a migration is decided in ``rollout.execution``.
"""
