"""Requests and approvals: validity, progress, signing, and the authors of revisions.

Storage in Dagster is in ``defs.gate``.
"""
