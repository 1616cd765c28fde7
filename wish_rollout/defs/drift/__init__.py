"""Drift in Dagster: the sensor of each environment, the job ``drift_check``, and the events of both."""
