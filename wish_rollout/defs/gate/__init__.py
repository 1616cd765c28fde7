"""The manual gate: its events and documents in Dagster, and the decision whether a run continues.

The rules of approval are in ``rollout.approval`` and ``core.approval``.
"""
