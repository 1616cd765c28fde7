"""The work on a fleet: worker processes, waves, and the state of all targets.

Each target is planned, migrated, verified and read by the same code as a single environment (``rollout.execution``,
``rollout.inspection``). What a target's own ledger and catalog contain decides what is left to do.
"""
