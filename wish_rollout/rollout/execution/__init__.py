"""Migration, rollback and verification of one environment.

Everything that changes an environment's database starts here.
"""
