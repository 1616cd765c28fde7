"""A project: its configuration, its targets, its scripts, and the schemas that its history promises.

Commands that write scripts are in ``rollout.scripts``.
"""
