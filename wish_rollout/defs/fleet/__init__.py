"""Fleets in Dagster: the step that rolls out wave after wave, and the partitioned asset of the targets' schemas."""
