"""Errors of a plan: a state from which no migration, rollback or adoption can be planned.

Errors while a plan is carried out are in ``execution`` and ``statements``.
"""
