"""Replays of a release on a scratch database: what each revision changes, and whether its downgrade leads back.

The records of it are in ``revisions.records``.
"""
