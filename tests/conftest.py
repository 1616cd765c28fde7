"""What all tests share; each concern has a module of its own."""

import gc

pytest_plugins = [
    "tests.fix_servers",
    "tests.fix_dagster",
    "tests.fix_project",
    "tests.fix_replica",
    "tests.fix_folder",
]


def pytest_collection_finish() -> None:
    """Keep the cycle collector from walking over all that was imported, again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
