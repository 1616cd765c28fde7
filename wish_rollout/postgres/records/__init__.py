"""The tables of schema ``wish_rollout``: ledger and journal, and the roles that may write them.

What is recorded, and when, is decided in ``rollout.execution``.
"""
