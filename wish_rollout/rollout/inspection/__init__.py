"""Reports about environments: status, drift, doctor, notifications.

Nothing here changes a database.
"""
