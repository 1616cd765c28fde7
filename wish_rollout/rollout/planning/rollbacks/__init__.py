"""Plans of rollbacks: their targets, their statements or remedy, and what they destroy.

Plans of upgrades are in the package above.
"""
