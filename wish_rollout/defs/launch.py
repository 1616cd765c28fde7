"""Execution of a job in this process, recorded in Dagster's instance like any other run."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.errors.databases import RunInterrupted
from wish_rollout.core.text.redaction import redact
from wish_rollout.defs.runs.failures import ERROR, EXIT_CODE
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.runs.interrupted_runs import run_lock
from wish_rollout.defs.runs.run_tags import AWAITING, HINT, REQUESTER, WHY
from wish_rollout.rollout.approval.approvals import current_requester
from wish_rollout.rollout.execution.progress import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wish_rollout.config import Config

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
LOCATION = "wish_rollout"


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

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return {
            "run_id": self.run_id,
            "success": self.success,
            "awaiting_approval": self.awaiting or None,
            "awaiting_because": self.because or None,
            "error": {"class": self.error_class, "text": self.error} if self.error else None,
            "environments": [vars(stage) for stage in self.stages],
        }


def run_job(
    config: Config,
    job_name: str,
    run_config: Mapping[str, Any] | None = None,
    *,
    tags: Mapping[str, str] | None = None,
    report_step: Callable[[str], None] = lambda _: None,
) -> RunOutcome:
    """Execute a job in this process and return its result.

    ``tags``: replace the tags that name the requester. ``report_step``: called with each step's name when it starts, and
    with each line of a migration's progress.
    Raises DagsterUnavailable.
    """
    from wish_rollout.defs.code_location import build_definitions

    definitions = build_definitions(config)
    job = definitions.resolve_job_def(job_name)
    run_id = str(uuid.uuid4())
    with open_instance(config) as instance, run_lock(instance, run_id) as process_tags:
        instance.add_event_listener(run_id, lambda entry: _report_progress(entry, report_step))
        result = job.execute_in_process(
            run_config={**QUIET, **(run_config or {})},
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            tags={
                ".dagster/repository": f"__repository__@{LOCATION}",
                **process_tags,
                REQUESTER: current_requester(config.root),
                **(tags or {}),
            },
        )
        record = instance.get_run_by_id(run_id)
        tags = record.tags if record else {}
        outcome = _outcome(run_id, result.success, tags.get(AWAITING, ""), result.all_events)
        outcome.because, outcome.hint = tags.get(WHY, ""), tags.get(HINT, "")
        return outcome


def _report_progress(entry: dg.EventLogEntry, report_step: Callable[[str], None]) -> None:
    event = entry.dagster_event
    if event and event.is_step_start and event.step_key:
        report_step(event.step_key.rpartition(".")[2].replace("_", " "))
    elif event is None and entry.user_message.startswith(PREFIX):
        report_step(entry.user_message.removeprefix(PREFIX))


def _outcome(run_id: str, success: bool, awaiting: str, events: Sequence[dg.DagsterEvent]) -> RunOutcome:
    outcome = RunOutcome(run_id, success, awaiting)
    stages: dict[str, StageResult] = {}
    for event in events:
        if event.is_step_materialization and event.asset_key and event.asset_key.path[0] == "schema":
            _read_materialization(stages, event)
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            _read_check(stages, event.asset_check_evaluation_data)
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


def _read_materialization(stages: dict[str, StageResult], event: dg.DagsterEvent) -> None:
    assert event.asset_key is not None
    name = event.asset_key.path[-1]
    stage = stages.setdefault(name, StageResult(name))
    values = {key: value.value for key, value in event.materialization.metadata.items()}
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
    elif data.error is not None:
        error = data.error.cause or data.error
        outcome.error_class = error.cls_name or "Exception"
        interrupted = outcome.error_class == dg.DagsterExecutionInterruptedError.__name__
        outcome.error = str(RunInterrupted()) if interrupted else redact(error.message.strip())
