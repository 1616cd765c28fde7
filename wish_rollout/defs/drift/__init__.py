"""Drift in Dagster: the sensor of all environments, the job ``drift_check``, and the events of both."""
