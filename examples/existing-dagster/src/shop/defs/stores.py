"""An asset that needs the schema of prod, and a job that migrates prod before it computes the asset."""

import os

import dagster as dg
import psycopg

SCHEMA = dg.AssetKey(["schema", "prod"])


@dg.asset(deps=[SCHEMA], kinds={"postgresql"}, automation_condition=dg.AutomationCondition.eager())
def items_per_store() -> dg.MaterializeResult:
    """Count the wishlist items of each store. The condition computes it again after each verified migration."""
    with psycopg.connect(os.environ["PROD_DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT store, count(*) FROM wishlist_items GROUP BY store").fetchall()
    return dg.MaterializeResult(metadata={"stores": len(rows)})


migrate_and_report = dg.define_asset_job(
    "migrate_and_report",
    selection=dg.AssetSelection.assets("items_per_store").upstream(),
    description="Rolls out the release, then computes the report. Skips the report while the gate of prod waits.",
    executor_def=dg.in_process_executor,
)
