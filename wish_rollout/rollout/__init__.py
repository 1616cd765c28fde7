"""The order of work: read, plan, lock, apply, verify.

Subpackages: release, servers, replay, project, planning, execution, rollback, archives, approval, inspection,
project_commands.
SQL is in ``postgres``, Alembic in ``revisions``.
"""
