"""Contents of Dagster events: size limits, the description of a schema, and version tags."""
