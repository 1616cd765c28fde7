"""Fleets in Dagster."""
