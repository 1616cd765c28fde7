"""What stands at a gate: it lets an approved plan through, and asks for the approval of another one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.approval.policy import check_hazards
from wish_rollout.core.errors.approvals import AGAIN, ApprovalOutdated
from wish_rollout.core.errors.base import AwaitingApproval, Refused, RolloutError
from wish_rollout.core.errors.configuration import QuorumUnreachable
from wish_rollout.core.errors.plans import WaitingAtGate
from wish_rollout.core.notifications import Event, Notification
from wish_rollout.core.plan.plan import Action
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import RowRequirement, request_event
from wish_rollout.defs.metadata import plan_markdown
from wish_rollout.defs.runs.notifications import tell
from wish_rollout.defs.runs.run_tags import AWAITING, BROKEN, HINT, RESUMES, WHY, approved_release, requester
from wish_rollout.rollout.approval.approvals import (
    ApprovalRules,
    decide,
    new_request,
    refuse_unreachable_quorum,
    refuse_used_request,
    approval_rules,
    standing,
)
from wish_rollout.rollout.execution.ledger_recording import Actor

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.core.approval.documents import Request, Subject
    from wish_rollout.core.approval.policy import Authorization
    from wish_rollout.core.plan.plan import EnvironmentPlan, Plan
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.project.target import Target


def refuse_other_release(context: dg.OpExecutionContext, plan: Plan) -> None:
    """Raise ApprovalVoid where a run that goes on behind a gate would take another release on the way there."""
    approved = approved_release(context.run) or plan.release_digest
    if approved != plan.release_digest:
        raise ApprovalOutdated(context.run.tags[RESUMES], f"release was {approved}, is {plan.release_digest}")


@dataclass(frozen=True)
class ApprovalGate:
    """Decides for one target of one run."""

    context: dg.OpExecutionContext
    project: Project
    target: Target

    @property
    def actor(self) -> Actor:
        """Who asked for this run, with us at the gate."""
        return Actor(requester(self.context.run), self.context.run_id, self.approved)

    def approved(self, plan: EnvironmentPlan, connection: psycopg.Connection[Any]) -> Authorization:
        """Give what lets the plan through; raise why nothing does. Everything is read anew."""
        rules = approval_rules(self.project, self.target)
        subject = standing(self.project, rules, plan)
        return self._decide(rules, subject, connection)

    def open(self, plan: EnvironmentPlan) -> bool:
        """Let the plan through, or record a request and say that the run waits; the run then ends well.

        Raises UnsignedGate, BadSigners, AuthorUnknown, HazardNotAllowed.
        """
        rules = approval_rules(self.project, self.target)
        subject = standing(self.project, rules, plan)
        check_hazards(subject, rules.policy)
        with self.target.connect() as connection:
            asked = self._asked(rules, subject, connection)
            request = asked.request if asked else None
            try:
                grant = self._decide(rules, subject, connection, request)
            except (Refused, AwaitingApproval) as reason:
                self._wait(
                    asked or self._ask(rules, subject, plan), self._most_telling(rules, subject, reason)
                )
                return False
        who = ", ".join(grant.approvers)
        self.context.log.info(f"gate of {self.target.name}: approved by {who}")
        if grant.break_glass:
            said = f"{self.target.name}: {who} BREAKS THE GLASS: {grant.break_glass}"
            self.context.log.critical(said)
            self._tell(Event.BREAK_GLASS, said, plan.summary())
            broken = f"{self.context.run_id[:8]}: {grant.break_glass[:200]}"
            self.context.instance.add_run_tags(self.context.run_id, {BROKEN: broken})
        return True

    def _tell(self, event: Event, title: str, text: str) -> None:
        tell(self.context, self.project.config, Notification(event, self.target.name, title, text))

    def _decide(
        self,
        rules: ApprovalRules,
        subject: Subject,
        connection: psycopg.Connection[Any],
        asked: Request | None = None,
    ) -> Authorization:
        given = approval_store.documents(self.context.instance, self.target.name)
        return decide(rules, subject, given, connection, asked)

    def _asked(self, rules: ApprovalRules, subject: Subject, connection: psycopg.Connection[Any]) -> RowRequirement | None:
        """Give the request that is open for exactly this, and not used up."""
        asked = approval_store.find_open_request(self.context.instance, subject, rules.policy, self.actor.who)
        with suppress(Refused):
            if asked:
                refuse_used_request(connection, asked.request)
            return asked
        return None

    def _ask(self, rules: ApprovalRules, subject: Subject, plan: EnvironmentPlan) -> RowRequirement:
        """Record a request, and tell people of it."""
        name = self.target.name
        request = new_request(rules, subject, self.actor.who)
        chosen, run = self.context.resources.choices, self.context.run_id
        asked = RowRequirement(request, plan_markdown(plan), run, chosen)
        self.context.log_event(request_event(asked))
        how = f"wish-rollout approve {name} --reason '…'"
        self._tell(Event.WAITING, f"{name} waits for an approval", f"{request.text()}\nTo approve: {how}")
        return asked

    @staticmethod
    def _most_telling(rules: ApprovalRules, subject: Subject, reason: RolloutError) -> RolloutError:
        """Give the reason to wait, or why nobody can end that but by breaking the glass."""
        try:
            refuse_unreachable_quorum(subject.environment, rules, subject.hazards)
        except QuorumUnreachable as error:
            return error
        return reason

    def _wait(self, asked: RowRequirement, reason: RolloutError) -> None:
        """Say, in the run's tags and log, what it waits for, why, and what to do."""
        name, subject = self.target.name, asked.request.subject
        hint = WaitingAtGate.hint if reason.hint == AGAIN else reason.hint
        then = "the same command again"
        if subject.act == Action.ROLLBACK:  # without its target, the same command would go back further
            then = f"wish-rollout rollback {name} --to {subject.end}"
        why, hint = reason.fill(reason.summary)[:500], f"{reason.fill(hint)[:500]}; and then {then}"
        self.context.instance.add_run_tags(self.context.run_id, {AWAITING: name, WHY: why, HINT: hint})
        self.context.log.warning(
            f"{reason.fill(reason.summary)}\n\n{asked.request.text()}\nTo approve: wish-rollout approve {name}"
        )
