"""Statements that a run of the scripts sends: whose they are, and whether they are those that were approved.

The sessions that send them are in ``sessions``.
"""
