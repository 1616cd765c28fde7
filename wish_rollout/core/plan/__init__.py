"""A plan of a release: the state of each database, its verdict, the budgets, and the checks of a verification.

What a person signs of a plan is in ``core.approval``.
"""
