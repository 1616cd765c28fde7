"""The release that a gate has approved, and the use of its approval, in a run that resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.errors.gate.approvals import ApprovalOutdated
from wish_rollout.defs.gate.approval_events import use_event
from wish_rollout.defs.resources import project_of
from wish_rollout.defs.runs.run_tags import (
    RESUMES,
    approved_release,
)

if TYPE_CHECKING:
    from wish_rollout.core.plan.release_plan import Plan
    from wish_rollout.rollout.execution.migration import Migrated


def refuse_other_release(context: dg.OpExecutionContext, plan: Plan) -> None:
    """Raise ApprovalOutdated if a run that resumes after a gate plans another release than the approved one."""
    approved = approved_release(context.run) or plan.release_digest
    if approved != plan.release_digest:
        raise ApprovalOutdated(context.run.tags[RESUMES], f"release was {approved}, is {plan.release_digest}")


def record_use(context: dg.OpExecutionContext, migrated: Migrated) -> None:
    """Record the use of an approval in Dagster too, so that it does not depend on one row of the ledger."""
    if migrated.nonce:
        project = project_of(context).config.project.name
        context.log_event(use_event(migrated.environment, migrated.as_dict(), context.run_id, project))
