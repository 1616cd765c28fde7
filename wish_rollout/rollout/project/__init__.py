"""A project: its configuration, its scripts, the schemas that its history promises, and commands on its files.

What is done to an environment is in ``rollout.planning`` and ``rollout.execution``.
"""
