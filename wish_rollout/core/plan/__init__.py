"""A plan of a release: the state of each database, the verdict, the budgets, the checks of a verification.

What a person signs of a plan is in ``core.approval``.
"""
