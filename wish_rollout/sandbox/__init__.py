"""The embedded PostgreSQL server of a project, and scratch databases.

This package installs no schema objects and knows no environments: it starts and stops a server, creates its
roles and databases, and drops scratch databases. What a database contains is read and changed by ``postgres``.
"""
