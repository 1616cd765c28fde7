"""A job of Dagster that does nothing: what any pipeline of three assets costs, in a new DAGSTER_HOME.

Run as ``python -m bench.empty_dagster_job FOLDER``, with the folder that becomes DAGSTER_HOME.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dagster as dg


@dg.asset
def preflight() -> None:
    """Do nothing."""


@dg.asset(deps=[preflight])
def migrate() -> None:
    """Do nothing."""


@dg.asset(deps=[migrate])
def verify() -> None:
    """Do nothing."""


def main(folder: Path) -> int:
    """Run the job; return 0 if it succeeds."""
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(folder)
    job = dg.define_asset_job("job", "*")
    definitions = dg.Definitions(assets=[preflight, migrate, verify], jobs=[job])
    with dg.DagsterInstance.get() as instance:
        return 0 if definitions.get_job_def("job").execute_in_process(instance=instance).success else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
