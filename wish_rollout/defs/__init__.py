"""The pipeline as Dagster draws it; the only importer of dagster, with definitions.py."""
