"""The schema ``wish_rollout_archive``: rows that a rollback would destroy, and their restoration."""
