"""The plugins with the fixtures of all tests, one module for each subject."""

import gc
import os

import pytest

pytest_plugins = [
    "tests.fix_servers",
    "tests.fix_dagster",
    "tests.fix_project",
    "tests.fix_replica",
    "tests.fix_folder",
    "tests.fix_fleet",
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each core: a test waits half of its time, for the server and for processes that it has started."""
    return 2 * len(os.sched_getaffinity(0))


def pytest_collection_finish() -> None:
    """Exclude imported objects from garbage collection, which would traverse them repeatedly."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
