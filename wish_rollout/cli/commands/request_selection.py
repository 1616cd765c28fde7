"""Selection of the request that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.approval.documents import Request
    from wish_rollout.defs.gate.approval_events import RecordedRequest
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def select_valid_request(project: Project, environment: str, nonce: str) -> Request:
    """Return the newest valid request whose ID begins with ``nonce``, or the newest one if none is valid.

    Raise NoApprovalRequest, AmbiguousRequest or EnvironmentNotGated.
    """
    from wish_rollout.rollout.approval.approval_progress import newest_valid_request

    requests = [each.request for each in matching_requests(project, environment, nonce)]
    return newest_valid_request(project, requests)


def matching_requests(
    project: Project, environment: str, nonce: str, *, with_used: bool = False
) -> list[RecordedRequest]:
    """Return the open requests whose ID begins with ``nonce``, newest first.

    ``with_used``: also requests of a fleet with which a rollout has begun.
    Raise NoApprovalRequest, AmbiguousRequest if a prefix has several requests, or EnvironmentNotGated.
    """
    from wish_rollout.core.errors.gate.requests import AmbiguousRequest, NoApprovalRequest
    from wish_rollout.core.errors.planning.plans import EnvironmentNotGated
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.defs.runs.instance import open_instance
    from wish_rollout.rollout.approval.approval_progress import requests_of_database

    if not project.config.find_environment(environment).gated:
        raise EnvironmentNotGated(environment)
    with open_instance(project.config) as instance:
        read = approval_store.read_unrejected_requests if with_used else approval_store.read_open_requests
        requests = read(instance, environment, project.config.project.name)
    own = requests_of_database(project, environment, [each.request for each in requests]) if requests else []
    matching = [each for each in requests if each.request in own and each.request.nonce.startswith(nonce)]
    if not matching:
        raise NoApprovalRequest(environment)
    if nonce and len(matching) > 1:
        raise AmbiguousRequest(environment, nonce, ", ".join(each.request.nonce for each in matching))
    return matching


def find_rollback_request(project: Project, target: Target, to: str | None, *, by_remedy: bool) -> Request:
    """Return the open request for exactly this rollback, even if a later request exists. Raise NoApprovalRequest."""
    from wish_rollout.core.errors.gate.requests import NoApprovalRequest
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.defs.runs.instance import open_instance
    from wish_rollout.rollout.approval.approver_rules import approval_rules
    from wish_rollout.rollout.approval.request import current_requester, subject_of_plan
    from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_rollback

    rules = approval_rules(project, target)
    subject = subject_of_plan(project, rules, plan_rollback(project, target, to, by_remedy=by_remedy))
    with open_instance(project.config) as instance:
        found = approval_store.find_open_request(
            instance,
            subject,
            rules.policy,
            current_requester(project.config.root),
            project.config.project.name,
        )
    if found is None:
        raise NoApprovalRequest(target.name)
    return found.request
