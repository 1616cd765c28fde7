"""Many at once, and failures half-way."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.fix_project import Result
from wish_rollout.core.database_errors import LockHeld
from wish_rollout.postgres.locks import rollout_lock
from wish_rollout.rollout.acting import migrate_environment

if TYPE_CHECKING:
    from tests.fix_project import Road

AT_ONCE = 20
MANY = """
import os, sys
import wish_rollout.defs.launch, wish_rollout.defs.location, wish_rollout.revisions.driver
from wish_rollout.cli.main import main
children = []
for number in range(int(sys.argv.pop(1))):
    if (child := os.fork()) == 0:
        os.dup2(os.open(f"{number}.out", os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(os.open(f"{number}.err", os.O_WRONLY | os.O_CREAT), 2)
        try:
            main()
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code or 0)
        sys.stdout.flush()
        os._exit(0)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""
"""Calls the command line in many processes at once, which have imported everything before."""
SCRIPT = "migrations/versions/0007_wishlist_items.py"
LAST_INDEX = '    op.create_index(\n        "idx_wishlist_user_store_priority"'
HERE_ALONE = "op.get_bind().scalar(sa.text(\"SELECT current_database() LIKE 'test%'\"))"
"""Not where the release is rehearsed: a script that depends on where it runs."""


def test_of_twenty_at_once_one_migrates_and_the_others_find_nothing_to_do(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 120")
    command = [sys.executable, "-c", MANY, str(AT_ONCE), "apply", "--until", "local", "--json"]
    ended = road.ended(road.process(command), seconds=170)
    results = [
        road.checked(
            Result(code, (road.root / f"{number}.out").read_text(), (road.root / f"{number}.err").read_text())
        )
        for number, code in enumerate(json.loads(ended.out))
    ]
    assert [result for result in results if result.code != 0] == []
    actions = [
        "nothing"
        if (told := json.loads(result.out)).get("nothing_to_do")
        else told["environments"][0]["action"]
        for result in results
    ]
    assert sorted(actions) == ["nothing"] * (AT_ONCE - 1) + ["upgrade"]
    assert road.revision("local") == "0007"
    assert road.cli("drift", "local").code == 0


def test_twenty_sessions_of_one_library_migrate_once(each_road: Road) -> None:
    road = each_road
    project, target = road.project, road.project.target("local")
    assert project.release_digest
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda _: migrate_environment(project, target), range(AT_ONCE)))
    assert sorted(one.action for one in done) == ["nothing"] * (AT_ONCE - 1) + ["upgrade"]
    assert len({one.expected for one in done}) == 1
    assert road.revision("local") == "0007"


def test_a_lock_that_stays_held_names_its_holder(road: Road) -> None:
    road.edit("rollout.toml", "disposable = true", "disposable = true\nlock_wait = 0.1")
    project = road.project
    holder = project.target("local", "somebody else's rollout")
    before = road.identity()
    with holder.connect() as session, rollout_lock(session, "local", 0):
        told = road.told(6, "apply")
        assert "Another rollout is at work on 'local': somebody else's rollout" in told
        with pytest.raises(LockHeld):
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
