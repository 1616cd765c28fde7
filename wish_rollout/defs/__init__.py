"""The Dagster code location: assets, ops, jobs, sensors, checks and resources.

With ``definitions.py``, this is the only package that imports dagster. It contains no rollout logic.
"""

import warnings

from dagster import BetaWarning

# data versions are the fingerprints of schemas, and tests/defs covers how Dagster treats them;
# owners are only shown in the UI; components copy asset definitions with their execution_type; backfill_policy divides
# the targets of a fleet into runs, which tests/defs/fleet covers
warnings.filterwarnings(
    "ignore", category=BetaWarning, message=r".*(data_version|owners|execution_type|backfill_policy).*"
)
