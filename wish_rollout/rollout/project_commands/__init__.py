"""Commands on the project's own files: new revisions, recorded schemas, checks of a pull request.

What is done to an environment is in ``rollout.planning`` and ``rollout.execution``.
"""
