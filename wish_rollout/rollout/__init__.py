"""The order of work: read, plan, lock, apply, verify.

Subpackages: project, planning, execution, approval, inspection. SQL is in ``postgres``, Alembic in ``revisions``.
"""
