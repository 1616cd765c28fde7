"""What a rollback destroys, without a server."""
