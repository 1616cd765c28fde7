"""Errors of waves whose targets are changed by a backfill of Dagster."""

from __future__ import annotations

from dataclasses import dataclass

from wish_rollout.core.errors.base import EnvironmentRefused, RolloutError


@dataclass(eq=False)
class WaveBackfillEnded(RolloutError):
    """The backfill of a wave was canceled, has failed or was deleted. ``status``: which of these. ``reason``: its error."""

    environment: str
    wave: str
    backfill: str
    status: str
    reason: str

    summary = "The backfill {backfill} of wave {wave} of '{environment}' is {status}: {reason}."
    explanation = (
        "No other target is begun. What is done is kept and recorded in the ledger of each target; a canceled run rolls the "
        "transaction of its target back."
    )
    hint = (
        "see the backfill in Dagster under Runs, Backfills; if an asset no longer exists there, reload the code location, which "
        "has another rollout.toml; then run the same command again: it continues with the targets that are not done"
    )


@dataclass(eq=False)
class BackfillsNotSupported(EnvironmentRefused):
    """The installed version of Dagster has not the functions by which backfills are requested and read."""

    version: str
    reason: str

    summary = "'{environment}' cannot be rolled out by backfills with Dagster {version}: {reason}."
    explanation = (
        "Dagster has no public function to request a backfill, and those that are used have changed. Nothing was begun in "
        "this wave."
    )
    hint = (
        "install the tested version of dagster (requirements.txt), or remove targets_per_run from rollout.toml: the rollout "
        "then changes all targets in its own run"
    )


@dataclass(eq=False)
class TargetsOfRunUnknown(EnvironmentRefused):
    """A run over a range of partitions has no targets, or is executed again and those of the first run are not recorded."""

    run: str

    summary = "Which targets of '{environment}' the run {run} is for is not known."
    explanation = (
        "A run has a range of partitions, and their order may have changed since, so that other targets are in the range now. "
        "Nothing was changed."
    )
    hint = "select the targets and materialize them in Dagster, or: wish-rollout apply"
