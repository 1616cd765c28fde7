"""The embedded PostgreSQL server, and the scratch databases on it."""
