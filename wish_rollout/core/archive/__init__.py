"""What a rollback would destroy, and the archives that keep it."""
