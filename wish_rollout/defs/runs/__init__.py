"""Runs of jobs: launching them, their tags, their process, their failures and notifications.

Definitions of assets, ops and jobs are one level above.
"""
