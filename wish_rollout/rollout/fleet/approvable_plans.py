"""The plan of a target for an approval, which a worker process makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from wish_rollout.core.approval.subject import Subject
from wish_rollout.core.approval.wave_plan import SignedTarget
from wish_rollout.core.errors.planning.plans import PlanChanged
from wish_rollout.core.fleet.results import TargetError, TargetValues
from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.rollout.approval.approver_rules import approval_rules
from wish_rollout.rollout.approval.ledger_guard import read_ledger_state
from wish_rollout.rollout.approval.request import subject_of_plan
from wish_rollout.rollout.planning.plans import NO_CHOICES, Choices, plan_target
from wish_rollout.rollout.planning.refusals import refuse_infeasible
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_feasible_rollback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

TO_APPROVE = "plan to approve"
"""The kind of the order. Its field ``to`` is the revision of a rollback; without it, a migration is planned."""
TARGET_CHOICES = ("adopt", "replan")
"""The choices that targets of a fleet have."""
NAMING_FIELDS = ("environment", "database")
"""The signed fields of a plan that name the database, and not what is done there."""


@dataclass(frozen=True, slots=True)
class PlannedTarget(TargetValues):
    """The plan of a target for an approval: None for both if there is nothing to do, or no plan, because of the error."""

    target: str
    signed: SignedTarget | None = None
    subject: Subject | None = None
    error: TargetError | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the plan with the fields that ``as_dict`` has written."""
        signed, subject, error = values["signed"], values["subject"], values["error"]
        if subject:
            subject = Subject(**{**subject, **{key: tuple(subject[key]) for key in ("hazards", "authors")}})
        return cls(
            values["target"],
            SignedTarget(**signed) if signed else None,
            subject or None,
            TargetError(**error) if error else None,
        )


def kind_of(plan: EnvironmentPlan) -> str:
    """Return a digest of the signed fields of a plan without those that name the database."""
    fields = {key: value for key, value in plan.signed_fields().items() if key not in NAMING_FIELDS}
    return canonical_digest(fields)


def choices_of_fleet(choices: Choices, fleet: str) -> dict[str, bool | list[str]]:
    """Return the choices of a run as fields of an order: true for all targets of a fleet, or the names of some."""
    made = {key: getattr(choices, key) for key in TARGET_CHOICES}
    return {
        key: fleet in names or [name for name in names if name.startswith(f"{fleet}/")]
        for key, names in made.items()
    }


def choices_of(target: Target, order: Mapping[str, Any]) -> Choices:
    """Return the choices that an order makes for a target, as ``choices_of_fleet`` has written them."""
    made = {key: order.get(key) or () for key in TARGET_CHOICES}
    chosen = {key: (target.name,) for key, value in made.items() if value is True or target.name in value}
    return Choices(**chosen) if chosen else NO_CHOICES


def approvable_plan(project: Project, target: Target, order: Mapping[str, Any]) -> EnvironmentPlan:
    """Return the plan of an order for a target; raise if it would fail after its approval.

    Raises what ``plan_target``, ``refuse_infeasible`` and ``plan_feasible_rollback`` raise.
    """
    if order.get("to"):
        return plan_feasible_rollback(project, target, order["to"])
    plan, state = plan_target(project, target, choices_of(target, order))
    refuse_infeasible(target.environment, plan, project, state)
    return plan


def plan_as_signed(
    project: Project, target: Target, order: Mapping[str, Any], signed: SignedTarget
) -> EnvironmentPlan:
    """Return the plan of an order for a target, to be shown. Raises PlanChanged if it is not the one that is signed."""
    plan = approvable_plan(project, target, order)
    if kind_of(plan) != signed.plan:
        raise PlanChanged(target.name, "the target has changed since it was planned")
    return plan


def plan_to_approve(project: Project, target: Target, name: str, order: Mapping[str, Any]) -> PlannedTarget:
    """Return what an approval must cover of a target. ``name``: without that of the fleet.

    Raises what ``approvable_plan``, ``subject_of_plan`` and ``read_ledger_state`` raise.
    """
    plan = approvable_plan(project, target, order)
    if plan.is_empty:
        return PlannedTarget(name)
    rules = approval_rules(project, target)
    subject = subject_of_plan(project, rules, plan)
    with target.connect() as connection:
        state = read_ledger_state(connection, target.name, version_table=rules.version_table)
    return PlannedTarget(name, SignedTarget(kind_of(plan), subject.database, str(state.head)), subject)
