"""The tables of the schema ``wish_rollout``: ledger and journal, and the roles that may write to them.

Not here: the decision what is recorded, and when (``rollout.execution``).
"""
