"""The page of JSON formats: the keys from the classes, what they mean from ``json_meanings``."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from docs.generator import json_meanings as meanings
from docs.generator import json_report_meanings as reports
from docs.generator.enums import members
from docs.generator.keys import explained, json_keys
from docs.generator.markdown import code, document, prose, table
from wish_rollout.cli.fleet_output import FleetState
from wish_rollout.core.approval.wave_plan import SignedTarget, WavePlan
from wish_rollout.core.archive.archive import Archive
from wish_rollout.core.fleet.failures import FailureGroup
from wish_rollout.core.fleet.grouping import StatusGroup
from wish_rollout.core.hazards.hazard import Hazard
from wish_rollout.core.ledger import Act, LedgerEntry
from wish_rollout.core.plan.action import Action
from wish_rollout.core.plan.ddl_record import DdlRecord
from wish_rollout.core.plan.findings import DriftFinding, FindingKind
from wish_rollout.core.plan.plan import EnvironmentPlan
from wish_rollout.core.plan.release_plan import Plan
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.remedy.statements import Gap, Remedy, Statement
from wish_rollout.core.reports.release_report import ReleaseCheck, ReleaseFinding
from wish_rollout.core.reports.status_report import EnvironmentReport, StatusReport, WaitingRequest
from wish_rollout.core.rows.requirements import RowFinding
from wish_rollout.defs.gate.approval_events import RecordedRequest
from wish_rollout.defs.runs.run_outcome import RunOutcome, StageResult
from wish_rollout.postgres.archives.row_restoration import RestoredObject
from wish_rollout.rollout.approval.approval_progress import ApprovalProgress
from wish_rollout.rollout.archives.restoration import Restoration
from wish_rollout.rollout.inspection.check_results import CheckResult
from wish_rollout.rollout.inspection.drift_report import DriftReport, EnvironmentComparison
from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus

if TYPE_CHECKING:
    from enum import Enum

INTRODUCTION = (
    "Each command with `--json` prints one document on stdout. A revision is a list, since a database can be at several "
    "branches; it is empty at base. A delta is a list of changes ([snapshots and deltas](../snapshot.md#formats))."
)
OBJECTS: dict[str, tuple[type[Any], dict[str, str]]] = {
    "Plan": (Plan, meanings.PLAN),
    "Environment plan": (EnvironmentPlan, meanings.ENVIRONMENT_PLAN),
    "Hazard": (Hazard, meanings.HAZARD),
    "Row finding": (RowFinding, meanings.ROW_FINDING),
    "Run": (RunOutcome, meanings.RUN),
    "Failed targets": (FailureGroup, meanings.FAILED_TARGETS),
    "Environment result": (StageResult, meanings.STAGE),
    "Approval progress": (ApprovalProgress, meanings.PROGRESS),
    "Request": (RecordedRequest, meanings.REQUEST),
    "Approved targets": (WavePlan, meanings.WAVE_PLAN),
    "Approved target": (SignedTarget, meanings.SIGNED_TARGET),
    "Ledger entry": (LedgerEntry, meanings.ENTRY),
    "Archive": (Archive, meanings.ARCHIVE),
    "Restoration": (Restoration, meanings.RESTORATION),
    "Restored object": (RestoredObject, meanings.RESTORED_OBJECT),
    "Environment status": (EnvironmentStatus, meanings.STATUS),
    "Fleet": (FleetState, meanings.FLEET),
    "Group of targets": (StatusGroup, meanings.TARGET_GROUP),
    "Drift report": (DriftReport, meanings.DRIFT),
    "Finding": (DriftFinding, meanings.FINDING),
    "Comparison": (EnvironmentComparison, meanings.COMPARISON),
    "Remedy": (Remedy, meanings.REMEDY),
    "Remedy statement": (Statement, meanings.STATEMENT),
    "Remedy gap": (Gap, meanings.GAP),
    "Check": (Check, meanings.CHECK),
    "Status report": (StatusReport, reports.STATUS_REPORT),
    "Report of an environment": (EnvironmentReport, reports.ENVIRONMENT_REPORT),
    "Waiting request": (WaitingRequest, reports.WAITING),
    "Recorded DDL": (DdlRecord, reports.DDL),
    "Check of the release": (ReleaseCheck, reports.RELEASE_CHECK),
    "Finding of the release": (ReleaseFinding, reports.RELEASE_FINDING),
    "Check result": (CheckResult, meanings.DOCTOR),
}
VALUES: dict[str, type[Enum]] = {"Verdicts": Verdict, "Kinds of finding": FindingKind, "Actions": Action}


def page() -> str:
    """Return the page."""
    return document(
        "JSON formats",
        INTRODUCTION,
        "## What each command prints",
        table(["command", "document"], ((code(name), text) for name, text in meanings.COMMANDS.items())),
        "## Errors",
        meanings.ERRORS,
        *(text for title, (kind, texts) in OBJECTS.items() for text in section(title, kind, texts)),
        *(text for title, kind in VALUES.items() for text in (f"## {title}", members(kind))),
    )


def section(title: str, kind: type[Any], texts: dict[str, str]) -> tuple[str, str, str]:
    """Return one object's heading, description and keys."""
    description = prose(kind.__doc__).split("\n\n")[0]
    return f"## {title}", description, table(["key", "value"], explained(keys(kind), texts, title))


def keys(kind: type[Any]) -> list[str]:
    """Return the keys of an object."""
    if not hasattr(kind, "as_dict"):
        return [field.name for field in dataclasses.fields(kind)]
    found = json_keys(kind)
    if kind is LedgerEntry:  # the fields of its act are keys of its own
        found += [field.name for field in dataclasses.fields(Act) if field.name not in found]
    return [
        key for key in found if not (kind is DriftReport and key == "remedy")
    ]  # a key of the statuses in it
