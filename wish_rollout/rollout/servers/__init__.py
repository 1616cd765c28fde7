"""The servers of a project: the databases of the environments, and the server for scratch databases.

Sessions with them are in ``postgres.sessions``.
"""
