"""The plugins with the fixtures of all tests, one module for each subject."""

import gc

pytest_plugins = [
    "tests.fix_servers",
    "tests.fix_dagster",
    "tests.fix_project",
    "tests.fix_replica",
    "tests.fix_folder",
    "tests.fix_fleet",
]


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection, which would traverse them repeatedly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
