"""Keys of the assets: the plan, each environment's schema, and the approvals of each gated environment."""

import dagster as dg

PLAN_KEY = dg.AssetKey(["release", "plan"])


def schema_key(environment: str) -> dg.AssetKey:
    """Return the key of an environment's schema."""
    return dg.AssetKey(["schema", environment])


def approval_key(environment: str) -> dg.AssetKey:
    """Return the key of an environment's approvals. Each materialization is one signed approval."""
    return dg.AssetKey(["approval", environment])
