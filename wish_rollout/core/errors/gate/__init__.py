"""Errors of approvals, requests, signatures and the ledger.

Errors of plans are in ``planning``.
"""
