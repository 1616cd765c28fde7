"""The functions of ``wish_rollout.safe``, which revisions call.

The rules that recommend them are in ``core/hazards``.
"""
