"""Approval rules of a target: its policy, its allowed signers, and whether enough persons may sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wish_rollout.config import ApprovalConfig
from wish_rollout.core.approval.policy import Policy
from wish_rollout.core.errors.configuration import QuorumUnreachable
from wish_rollout.core.errors.gate.signatures import ApproversNotConfigured
from wish_rollout.signing.allowed_signers import AllowedSigners, read_signers
from wish_rollout.signing.sandbox_key import SIGNERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.config import Environment
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """The current rules of one target: its approval policy, and the keys that may sign.

    ``version_table``: of the project; only its own rows of the ledger count.
    """

    policy: Policy
    signers: AllowedSigners
    version_table: str = ""


def approval_rules(project: Project, target: Target) -> ApprovalRules:
    """Return the current rules of a target; raise ApproversNotConfigured, InvalidAllowedSigners.

    For the sandbox's own databases, one signature with the sandbox's own key is sufficient.
    """
    from wish_rollout.rollout.servers.project_sandbox import belongs_to_sandbox, home

    if belongs_to_sandbox(project.config, target):
        signers = read_signers(home(project.config) / SIGNERS)
        policy = Policy(signers.digest, four_eyes=False)
        return ApprovalRules(policy, signers, target.scope.version_table)
    return configured_rules(project, target.environment)


def configured_rules(project: Project, env: Environment) -> ApprovalRules:
    """Return the rules of an environment or a fleet that rollout.toml gives. Raises as ``read_allowed_signers``."""
    signers = read_allowed_signers(project, env)
    approval = env.approval or ApprovalConfig()
    return ApprovalRules(approval.policy(signers.digest), signers, project.config.release.version_table)


def rules_of_environment(project: Project, name: str) -> ApprovalRules:
    """Return the current rules of the environment or fleet with a name. Raises as ``approval_rules``."""
    env = project.config.find_environment(name)
    return configured_rules(project, env) if env.is_fleet else approval_rules(project, project.target(name))


def read_allowed_signers(project: Project, env: Environment) -> AllowedSigners:
    """Return the signers of the file that rollout.toml configures for an environment.

    Raises ApproversNotConfigured if no file is configured or the file does not exist, and InvalidAllowedSigners.
    """
    file_name = env.approval.allowed_signers if env.approval else None
    if file_name is None:
        raise ApproversNotConfigured(env.name, "rollout.toml configures no allowed_signers file for it")
    path = project.config.root / file_name
    if not path.exists():
        raise ApproversNotConfigured(env.name, f"its allowed_signers file {file_name} does not exist")
    return read_signers(path)


def refuse_unreachable_quorum(environment: str, rules: ApprovalRules, hazards: Sequence[str] = ()) -> None:
    """Raise QuorumUnreachable if fewer persons may sign than these hazards require."""
    now = datetime.now(UTC)
    names = {
        name
        for each in rules.signers.entries
        if each.may_sign_approvals and each.is_valid(now)
        for name in each.principals
    }
    counted = {rules.signers.all_names(name) for name in names if rules.policy.allows_approver(name)}
    wanted = rules.policy.quorum_for_hazards(hazards)
    if len(counted) < wanted:
        raise QuorumUnreachable(environment, len(counted), wanted)
