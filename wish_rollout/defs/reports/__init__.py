"""Reports that are made from Dagster's events and the ledgers: the status page and the evidence folder.

What Dagster itself shows is in ``checks`` and ``metadata``.
"""
