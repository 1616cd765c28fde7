"""The release of a project: its scripts, what was recorded of them, and the schema before the first revision.

Replaying the scripts is in ``replay``.
"""
