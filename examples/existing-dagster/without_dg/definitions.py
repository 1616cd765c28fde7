"""The same in a code location without ``dg``: the definitions of the rollout are merged into those of the project."""

from pathlib import Path

import dagster as dg
from shop.defs.stores import items_per_store, migrate_and_report

from wish_rollout import rollout_definitions

own = dg.Definitions(assets=[items_per_store], jobs=[migrate_and_report])
defs = dg.Definitions.merge(own, rollout_definitions(Path(__file__).parents[1] / "rollout.toml"))
