"""The result of a run, read from its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.databases import RunInterrupted
from wish_rollout.core.fleet.results import ALL_TARGETS, Outcome
from wish_rollout.core.plan.verification_checks import OTHER_CHECKS, SCHEMA_CHECKS
from wish_rollout.core.text.redaction import redact
from wish_rollout.defs.runs.failures import ERROR, EXIT_CODE, TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

STATE = "verdict"
"""Metadata of materializations that record a state and follow no verification."""


@dataclass
class StageResult:
    """The result of one environment in a run.

    ``start``, ``end``: revisions. ``checks``, ``failed``: numbers of checks. ``seconds``: of migration and verification.
    """

    environment: str
    start: str = ""
    end: str = ""
    action: str = ""
    checks: int = 0
    failed: int = 0
    seconds: float = 0.0
    fingerprint: str = ""


@dataclass
class RunOutcome:
    """The result of a run.

    ``awaiting``: the environment whose gate waits for an approval, with ``because`` (the reason) and ``hint`` (the
    command to run next). ``error``: the text of the first failed step, with the name and exit code of its class.
    ``failed_targets``: of a fleet, those with the same error together; as ``FailureGroup.as_dict``.
    """

    run_id: str
    success: bool
    awaiting: str = ""
    because: str = ""
    hint: str = ""
    error: str = ""
    error_class: str = ""
    exit_code: int | None = None
    stages: list[StageResult] = field(default_factory=list)
    failed_targets: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "run_id": self.run_id,
            "success": self.success,
            "awaiting_approval": self.awaiting or None,
            "awaiting_because": self.because or None,
            "error": {"class": self.error_class, "text": self.error} if self.error else None,
            "environments": [vars(stage) for stage in self.stages],
            "failed_targets": self.failed_targets,
        }


def read_outcome(run_id: str, success: bool, awaiting: str, events: Sequence[dg.DagsterEvent]) -> RunOutcome:
    """Return the outcome of a run. ``awaiting``: the environment whose gate it waits at, or ""."""
    outcome = RunOutcome(run_id, success, awaiting)
    stages: dict[str, StageResult] = {}
    for event in events:
        if event.is_step_materialization and event.asset_key and event.asset_key.path[-2:-1] == ["schema"]:
            _read_materialization(stages, event)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            evaluation = event.asset_check_evaluation_data
            if evaluation.check_name in {*SCHEMA_CHECKS, *OTHER_CHECKS}:
                _read_check(stages, evaluation)
            elif evaluation.check_name == ALL_TARGETS:
                _read_fleet(stages, evaluation)
        elif event.is_step_failure and not outcome.error:
            _read_failure(outcome, event)
    outcome.stages = list(stages.values())
    if outcome.exit_code is None:
        outcome.exit_code = 0 if success else 1
    return outcome


def _read_check(stages: dict[str, StageResult], evaluation: dg.AssetCheckEvaluation) -> None:
    """Count a check, and read its revision and fingerprint, because a failed verification materializes nothing."""
    name = evaluation.asset_key.path[-1]
    stage = stages.setdefault(name, StageResult(name))
    stage.checks += 1
    stage.failed += not evaluation.passed
    values = {key: str(value.value) for key, value in evaluation.metadata.items()}
    stage.start = stage.end = values.get("revision", "")
    stage.fingerprint = values.get("fingerprint", "")


def _read_fleet(stages: dict[str, StageResult], evaluation: dg.AssetCheckEvaluation) -> None:
    """Read the numbers of a fleet's targets: each is a check, which has failed if the target is not done."""
    name = evaluation.asset_key.path[-1]
    values = {key: value.value for key, value in evaluation.metadata.items()}
    numbers = {key: int(str(values.get(key, 0))) for key in ("targets", *Outcome)}
    stages[name] = StageResult(
        name,
        start=str(values.get("from", "")),
        end=str(values.get("to", "")),
        action="upgrade" if numbers[Outcome.DONE] else "nothing",
        checks=numbers["targets"],
        failed=numbers[Outcome.FAILED] + numbers[Outcome.NOT_BEGUN],
        seconds=float(str(values.get("seconds", 0))),
        fingerprint=str(values.get("fingerprint", "")),
    )


def _read_materialization(stages: dict[str, StageResult], event: dg.DagsterEvent) -> None:
    assert event.asset_key is not None
    name = event.asset_key.path[-1]
    values = {key: value.value for key, value in event.materialization.metadata.items()}
    if STATE in values or event.partition is not None:
        return
    stage = stages.setdefault(name, StageResult(name))
    stage.start = str(values.get("from", values.get("revision", "")))
    stage.end = str(values.get("to", values.get("revision", "")))
    stage.action = str(values.get("action", "verify"))
    stage.fingerprint = str(values.get("fingerprint", ""))
    stage.seconds = sum(
        float(value)
        for key, value in values.items()
        if key.startswith("seconds") and isinstance(value, int | float)
    )


def _read_failure(outcome: RunOutcome, event: dg.DagsterEvent) -> None:
    data = event.step_failure_data
    failure = data.user_failure_data
    if failure is not None:
        values = {key: value.value for key, value in failure.metadata.items()}
        outcome.error = failure.description or ""
        outcome.error_class = str(values.get(ERROR, "Failure"))
        code = values.get(EXIT_CODE, 1)
        outcome.exit_code = int(code) if isinstance(code, int) else 1
        groups = values.get(TARGETS)
        outcome.failed_targets = groups if isinstance(groups, list) else []
    elif data.error is not None:
        error = data.error.cause or data.error
        outcome.error_class = error.cls_name or "Exception"
        interrupted = outcome.error_class == dg.DagsterExecutionInterruptedError.__name__
        outcome.error = str(RunInterrupted()) if interrupted else redact(error.message.strip())
