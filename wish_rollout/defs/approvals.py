"""Requests and approvals, as events of the asset ``approval/<env>``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from wish_rollout.core.approval import Approval
from wish_rollout.core.plan_errors import WaitingAtGate

if TYPE_CHECKING:
    from wish_rollout.core.plan import EnvironmentPlan

PLAN = "plan_digest"
APPROVER = "approver"
REASON = "reason"
MOST = 200
"""How many of the newest approvals of an environment are looked at."""


def key(environment: str) -> dg.AssetKey:
    """Name the asset of an environment's approvals."""
    return dg.AssetKey(["approval", environment])


def request(plan: EnvironmentPlan, markdown: str) -> dg.AssetObservation:
    """Make the event that asks for an approval of this plan."""
    return dg.AssetObservation(
        key(plan.environment),
        description=f"{plan.environment} waits for an approval",
        metadata={PLAN: plan.digest, "plan": dg.MetadataValue.md(markdown)},
    )


def grant(environment: str, plan_digest: str, approver: str, reason: str) -> dg.AssetMaterialization:
    """Make the event that approves one plan."""
    return dg.AssetMaterialization(
        key(environment),
        description=f"{approver} approved: {reason}",
        metadata={PLAN: plan_digest, APPROVER: approver, REASON: reason},
    )


def find(instance: dg.DagsterInstance, plan: EnvironmentPlan) -> Approval | None:
    """Find the newest approval of exactly this plan."""
    digest = plan.digest
    result = instance.fetch_materializations(key(plan.environment), limit=MOST)
    for record in result.records:
        event = record.asset_materialization
        texts = {name: str(value.value) for name, value in event.metadata.items()} if event else {}
        if texts.get(PLAN) == digest:
            who, why = texts.get(APPROVER, ""), texts.get(REASON, "")
            return Approval(plan.environment, digest, who, why, record.timestamp)
    return None


def require(instance: dg.DagsterInstance, plan: EnvironmentPlan) -> Approval:
    """Give the approval of exactly this plan; raise WaitingAtGate."""
    approval = find(instance, plan)
    if approval is None:
        raise WaitingAtGate(plan.environment, plan.digest)
    return approval
