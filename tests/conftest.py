"""What all tests share; each concern has a module of its own."""

pytest_plugins = [
    "tests.fix_servers",
    "tests.fix_dagster",
    "tests.fix_project",
    "tests.fix_replica",
    "tests.fix_folder",
]
