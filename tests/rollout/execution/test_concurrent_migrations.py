"""Concurrent migrations of one database, and failures before the end of a migration."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import APPROVER, REQUESTER
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.errors.databases import RolloutLockHeld
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
from wish_rollout.rollout.approval.approver_rules import approval_rules
from wish_rollout.rollout.approval.request import new_request, subject_of_plan
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    from tests.fix_project import Workspace

PROCESSES = 20
MANY = """
import json, os, sys
from pathlib import Path
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.approval.approver_rules import approval_rules
from wish_rollout.rollout.approval.approvals import find_authorization
from wish_rollout.rollout.approval.request import subject_of_plan
from wish_rollout.rollout.project.project import Project
from wish_rollout.rollout.execution.ledger_recording import Actor
import wish_rollout.revisions.runs.script_runs
project = Project.load(Path("rollout.toml").resolve())
target = project.target("prod")
rules, document = approval_rules(project, target), Path("approval").read_text()
project.history.at(project.release.head)

def gatekeeper(plan, connection):
    return find_authorization(rules, subject_of_plan(project, rules, plan), [document], connection)

def migrate():
    try:
        return migrate_environment(project, target, actor=Actor("one of many", str(os.getpid()), gatekeeper)).action
    except RolloutError as error:
        return type(error).__name__

ready, go = os.pipe(), os.pipe()
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.close(go[1])
        os.write(ready[1], b"x")
        os.read(go[0], 1)  # returns in all processes when the write end is closed
        Path(f"{number}.out").write_text(migrate())
        os._exit(0)
left = int(sys.argv[1])
while left:
    left -= len(os.read(ready[0], left))
os.close(go[1])
for _ in range(int(sys.argv[1])):
    assert os.wait()[1] == 0
"""
"""Migrates prod in concurrent processes with the same approval."""
SCRIPT = "migrations/versions/0007_wishlist_items.py"
LAST_INDEX = '    op.create_index(\n        "idx_wishlist_user_store_priority"'
OUTSIDE_REHEARSAL = "op.get_bind().scalar(sa.text(\"SELECT current_database() LIKE 'test%'\"))"
"""An expression that is false in the rehearsal, so that a script fails only in an environment."""


def test_one_approval_permits_one_of_twenty_concurrent_migrations(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "gated = true", "gated = true\nlock_wait = 0")
    approve(workspace, "prod")
    with workspace.project.target("prod").connect() as session, rollout_lock(session, "prod", 0):
        assert run_concurrently(workspace) == ["RolloutLockHeld"] * PROCESSES
    assert workspace.revision("prod") is None

    workspace.edit("rollout.toml", "lock_wait = 0", "lock_wait = 120")
    request = approve(workspace, "prod")

    assert run_concurrently(workspace) == ["nothing"] * (PROCESSES - 1) + ["upgrade"]
    assert workspace.revision("prod") == "0007"
    nonces = workspace.sql("prod", "select nonce from wish_rollout.ledger")
    assert nonces == [(request.nonce,)], "one act, and the approval used once"


def run_concurrently(workspace: Workspace) -> list[str]:
    """Migrate prod in concurrent processes; return the sorted results."""
    result = workspace.wait_for(workspace.process([sys.executable, "-c", MANY, str(PROCESSES)]))
    assert result.code == 0, result
    return sorted((workspace.root / f"{number}.out").read_text() for number in range(PROCESSES))


def approve(workspace: Workspace, environment: str) -> Request:
    """Write a valid approval of the current plan to a file; return its request."""
    project, target = workspace.project, workspace.project.target(environment)
    rules, (plan, _) = approval_rules(project, target), plan_target(project, target)
    request = new_request(rules, subject_of_plan(project, rules, plan), REQUESTER)
    text = ApprovalStatement(request, APPROVER, "agreed").text()
    key = find_keys(workspace.root / "home/.ssh/id_ed25519")[0]
    (workspace.root / "approval").write_text(text + sign(text, key))
    return request


def test_error_for_a_held_lock_names_its_holder(workspace: Workspace) -> None:
    workspace.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 0.1")
    project = workspace.project
    holder = project.target("local", "another rollout")
    before = workspace.identity()
    with holder.connect() as session, rollout_lock(session, "local", 0):
        message = workspace.expect_error(6, "apply")
        assert "Another rollout runs on 'local': another rollout" in message
        with pytest.raises(RolloutLockHeld):
            migrate_environment(project, project.target("local"))
    assert workspace.identity() == before
    workspace.migrate("local")


@pytest.mark.one_version
@pytest.mark.parametrize(
    ("last", "says"),
    [
        (
            "op.execute(\"SELECT 1 / (current_database() NOT LIKE 'test%')::int\")",
            "in revision 0007: division by zero",
        ),
        (f"assert not {OUTSIDE_REHEARSAL}, 'not here'", "revision 0007 raised: AssertionError: not here"),
    ],
    ids=["by the database", "by itself"],
)
def test_migration_that_fails_at_its_last_statement_is_rolled_back(
    each_workspace: Workspace, last: str, says: str
) -> None:
    each_workspace.edit(SCRIPT, LAST_INDEX, f"    {last}\n{LAST_INDEX}")
    assert each_workspace.cli("generate", "--record").code == 0
    assert says in each_workspace.expect_error(1, "apply")


def test_unreachable_prod_stops_the_rollout_before_local_is_changed(workspace: Workspace) -> None:
    workspace.set_url("prod", "postgresql://rollout@127.0.0.1:1/prod")
    before = workspace.identity()
    outcome = workspace.run_job("rollout")
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "DatabaseUnreachable", 1)
    assert workspace.identity() == before
