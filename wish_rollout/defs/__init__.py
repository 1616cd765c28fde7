"""The pipeline as Dagster draws it; the only importer of dagster, with definitions.py."""

import warnings

from dagster import BetaWarning

# data versions are called beta; they are what tells an environment's state, and a test holds how they behave;
# an owner is a word in the UI, and nothing rests on it
warnings.filterwarnings("ignore", category=BetaWarning, message=r".*(data_version|owners).*")
