"""The sensor that resumes a rollout or rollback after its approval."""
