"""The definitions that Dagster finds in this folder."""
