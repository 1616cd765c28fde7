"""Many at once, and failures half-way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import APPROVER, REQUESTER
from wish_rollout.core.approval.documents import Request, Statement
from wish_rollout.core.errors.databases import RolloutLockHeld
from wish_rollout.postgres.sessions.rollout_lock import rollout_lock
from wish_rollout.rollout.approval.approvals import new_request, approval_rules, standing
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.planning.plans import plan_target
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    from tests.fix_project import Road

AT_ONCE = 20
MANY = """
import json, os, sys
from pathlib import Path
from wish_rollout.core.errors import RolloutError
from wish_rollout.rollout.acting import migrate_environment
from wish_rollout.rollout.approving import decide, rules_of, standing
from wish_rollout.rollout.project import Project
from wish_rollout.rollout.recording import Actor
import wish_rollout.revisions.script_runs
project = Project.load(Path("rollout.toml").resolve())
target = project.target("prod")
rules, document = rules_of(project, target), Path("approval").read_text()
project.history.at(project.release.head)

def keeper(plan, connection):
    return decide(rules, standing(project, rules, plan), [document], connection)

def migrate():
    try:
        return migrate_environment(project, target, actor=Actor("one of many", str(os.getpid()), keeper)).action
    except RolloutError as error:
        return type(error).__name__

ready, go = os.pipe(), os.pipe()
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        os.close(go[1])
        os.write(ready[1], b"x")
        os.read(go[0], 1)  # ends for all of them at once, when the other end is closed
        Path(f"{number}.out").write_text(migrate())
        os._exit(0)
left = int(sys.argv[1])
while left:
    left -= len(os.read(ready[0], left))
os.close(go[1])
for _ in range(int(sys.argv[1])):
    assert os.wait()[1] == 0
"""
"""Migrates prod in many processes at once, each behind the same approval."""
SCRIPT = "migrations/versions/0007_wishlist_items.py"
LAST_INDEX = '    op.create_index(\n        "idx_wishlist_user_store_priority"'
HERE_ALONE = "op.get_bind().scalar(sa.text(\"SELECT current_database() LIKE 'test%'\"))"
"""Not where the release is rehearsed: a script that depends on where it runs."""


def test_of_twenty_processes_at_a_gate_one_migrates_on_the_one_approval(road: Road) -> None:
    road.edit("rollout.toml", "gated = true", "gated = true\nlock_wait = 0")
    approve(road, "prod")
    with road.project.target("prod").connect() as session, rollout_lock(session, "prod", 0):
        assert at_once(road) == ["LockHeld"] * AT_ONCE
    assert road.revision("prod") is None

    road.edit("rollout.toml", "lock_wait = 0", "lock_wait = 120")
    request = approve(road, "prod")

    assert at_once(road) == ["nothing"] * (AT_ONCE - 1) + ["upgrade"]
    assert road.revision("prod") == "0007"
    nonces = road.sql("prod", "select nonce from wish_rollout.ledger")
    assert nonces == [(request.nonce,)], "one act, and the approval used once"


def at_once(road: Road) -> list[str]:
    """Migrate prod in many processes; give what each came to."""
    ended = road.ended(road.process([sys.executable, "-c", MANY, str(AT_ONCE)]))
    assert ended.code == 0, ended
    return sorted((road.root / f"{number}.out").read_text() for number in range(AT_ONCE))


def approve(road: Road, environment: str) -> Request:
    """Write a good approval of what stands into a file, as a person signs it; give what it is of."""
    project, target = road.project, road.project.target(environment)
    rules, (plan, _) = approval_rules(project, target), plan_target(project, target)
    request = new_request(rules, standing(project, rules, plan), REQUESTER)
    text = Statement(request, APPROVER, "agreed").text()
    key = find_keys(road.root / "home/.ssh/id_ed25519")[0]
    (road.root / "approval").write_text(text + sign(text, key))
    return request


def test_a_lock_that_stays_held_names_its_holder(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 0.1")
    project = road.project
    holder = project.target("local", "somebody else's rollout")
    before = road.identity()
    with holder.connect() as session, rollout_lock(session, "local", 0):
        told = road.told(6, "apply")
        assert "Another rollout is at work on 'local': somebody else's rollout" in told
        with pytest.raises(RolloutLockHeld):
            migrate_environment(project, project.target("local"))
    assert road.identity() == before
    road.migrate("local")


@pytest.mark.parametrize(
    ("last", "says"),
    [
        (
            "op.execute(\"SELECT 1 / (current_database() NOT LIKE 'test%')::int\")",
            "in revision 0007: division by zero",
        ),
        (f"assert not {HERE_ALONE}, 'not here'", "revision 0007 raised: AssertionError: not here"),
    ],
    ids=["by the database", "by itself"],
)
def test_a_migration_that_fails_at_its_last_statement_is_rolled_back_whole(
    each_road: Road, last: str, says: str
) -> None:
    each_road.edit(SCRIPT, LAST_INDEX, f"    {last}\n{LAST_INDEX}")
    assert each_road.cli("generate", "--record").code == 0
    assert says in each_road.told(1, "apply")


def test_a_prod_that_cannot_be_reached_is_known_before_local_is_touched(road: Road) -> None:
    road.point("prod", "postgresql://rollout@127.0.0.1:1/prod")
    before = road.identity()
    outcome = road.run("rollout")
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "Unreachable", 1)
    assert road.identity() == before
