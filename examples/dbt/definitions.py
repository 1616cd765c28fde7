"""A code location that migrates prod before dbt builds its models there.

The packages dagster-dbt and dbt-postgres are needed. rollout.toml and the scripts are in the parent folder of this file's
folder, or where WISH_ROLLOUT_CONFIG says.
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dagster as dg
from dagster_dbt import DbtCliResource, DbtProject, dbt_assets

from wish_rollout import rollout_definitions

FOLDER = Path(__file__).parent
ROLLOUT = Path(os.environ.get("WISH_ROLLOUT_CONFIG") or FOLDER.parent / "rollout.toml")


def set_variables_of_dbt(url: str) -> None:
    """Set the variables that profiles.yml reads from the URL of prod: dbt takes no URL."""
    parts = urlsplit(url)
    os.environ["REPORTS_HOST"] = parts.hostname or "localhost"
    os.environ["REPORTS_PORT"] = str(parts.port or 5432)
    os.environ["REPORTS_USER"] = unquote(parts.username or "")
    os.environ["REPORTS_PASSWORD"] = unquote(parts.password or "")
    os.environ["REPORTS_DATABASE"] = parts.path.removeprefix("/")


set_variables_of_dbt(os.environ["PROD_DATABASE_URL"])
project = DbtProject(project_dir=FOLDER / "reports", profiles_dir=FOLDER / "reports")
project.prepare_if_dev()


@dbt_assets(manifest=project.manifest_path)
def reports(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    """Build the models. models/sources.yml says that they depend on schema/prod."""
    yield from dbt.cli(["build"], context=context).stream()


migrate_and_build = dg.define_asset_job(
    "migrate_and_build",
    selection=dg.AssetSelection.assets(reports).upstream(),
    description="Rolls out the release, then runs dbt. Skips dbt while the gate of prod waits.",
    executor_def=dg.in_process_executor,
)
own = dg.Definitions(
    assets=[reports], jobs=[migrate_and_build], resources={"dbt": DbtCliResource(project_dir=project)}
)
defs = dg.Definitions.merge(own, rollout_definitions(ROLLOUT))
