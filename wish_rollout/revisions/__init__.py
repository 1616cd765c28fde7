"""The only importer of Alembic and SQLAlchemy.

Subpackages: script_folder, records, generation, operations; statements, sessions and runs for the execution of scripts.
What is done with a release is decided in ``rollout``.
"""
