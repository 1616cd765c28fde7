"""What the schema of an environment may have besides the release: platform, baseline, unmanaged objects.

Snapshots and their comparison are in ``schema``.
"""
