"""Unmanaged objects: excluded from drift by a policy, and unchanged by a rollout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Workspace

UNMANAGED_SQL = """
CREATE SCHEMA others;
CREATE TYPE others.kind AS ENUM ('a');
CREATE TABLE others.things (id int PRIMARY KEY, k others.kind CHECK (k = 'a'));
CREATE INDEX ON others.things (k);
CREATE TABLE public.loose (id serial, item uuid REFERENCES public.wishlist_items);
CREATE VIEW public.seen AS SELECT user_id FROM public.wishlist_items;
"""
UNMANAGED_OBJECTS = [
    "enum others.kind",
    "schema others",
    "sequence public.loose_id_seq",
    "table others.things",
    "table public.loose",
    "view public.seen",
]
OURS = {
    "a column": "ALTER TABLE wishlist_items ADD COLUMN x int",
    "an index": "CREATE INDEX mine ON wishlist_items (title)",
    "a constraint": "ALTER TABLE wishlist_items ADD CONSTRAINT c CHECK (title <> '')",
    "statistics": "CREATE STATISTICS s ON title, notes FROM wishlist_items",
    "a child": "CREATE TABLE child () INHERITS (wishlist_items)",
    "a sequence": "CREATE SEQUENCE s OWNED BY wishlist_items.title",
    "a changed privilege": "GRANT SELECT ON wishlist_items TO PUBLIC",
}


def set_policy(workspace: Workspace, policy: str) -> None:
    workspace.edit("rollout.toml", "[release]\n", f'[scope]\nunmanaged = "{policy}"\n\n[release]\n')


def test_other_objects_are_drift_unless_the_policy_allows_them(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", UNMANAGED_SQL)
    assert workspace.cli("drift", "local").code == 4

    set_policy(workspace, "report")
    result = workspace.cli("drift", "local", "--json")
    one = json.loads(result.out)["environments"][0]
    assert (result.code, one["verdict"], one["unmanaged"], one["drift"]) == (
        0,
        "in_step",
        UNMANAGED_OBJECTS,
        [],
    )
    assert "  unmanaged: table others.things" in workspace.cli("drift", "local").out.splitlines()
    assert "unmanaged in local: table public.loose" in workspace.cli("status").out.splitlines()
    assert "unmanaged: view public.seen" in workspace.cli("plan").out.splitlines()

    workspace.edit("rollout.toml", '"report"', '"ignore"')
    silent = workspace.cli("drift", "local")
    assert (silent.code, "unmanaged" in silent.out) == (0, False)


@pytest.mark.parametrize("what", OURS)
def test_change_of_a_managed_object_is_drift_under_every_policy(workspace: Workspace, what: str) -> None:
    set_policy(workspace, "ignore")
    workspace.edit("rollout.toml", "[scope]\n", '[scope]\nruntime_partitions = "fail"\n')
    workspace.migrate("local")
    workspace.sql("local", OURS[what])
    assert workspace.cli("drift", "local").code == 4


def test_rollout_does_not_change_unmanaged_objects(workspace: Workspace) -> None:
    set_policy(workspace, "report")
    theirs = UNMANAGED_SQL.split("CREATE TABLE public.loose", maxsplit=1)[0]
    for name in workspace.urls:
        workspace.sql(name, theirs)
    workspace.roll_out()
    assert {workspace.revision(name) for name in workspace.urls} == {"0007"}
    workspace.assert_plan_is_empty()
    assert workspace.cli("rollback", "local").code == 0
    assert workspace.cli("drift", "local").code == 0
    assert workspace.sql("local", "SELECT count(*) FROM others.things") == [(0,)]


def test_unmanaged_object_with_the_name_of_a_new_object_is_a_conflict(workspace: Workspace) -> None:
    set_policy(workspace, "ignore")
    workspace.sql("local", "CREATE TABLE wishlist_items (a int)")
    assert (workspace.cli("apply").code, workspace.revision("local")) == (6, None)


def test_unknown_policy_is_refused(workspace: Workspace) -> None:
    set_policy(workspace, "maybe")
    assert workspace.cli("drift").code == 2
