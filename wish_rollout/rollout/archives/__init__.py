"""Archives of rollbacks: written by a rollback, listed, restored and deleted."""
