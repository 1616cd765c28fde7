from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road

THEIRS = """
CREATE SCHEMA others;
CREATE TYPE others.kind AS ENUM ('a');
CREATE TABLE others.things (id int PRIMARY KEY, k others.kind CHECK (k = 'a'));
CREATE INDEX ON others.things (k);
CREATE TABLE public.loose (id serial, item uuid REFERENCES public.wishlist_items);
CREATE VIEW public.seen AS SELECT user_id FROM public.wishlist_items;
"""
TOLD = [
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


def let(road: Road, policy: str) -> None:
    road.edit("rollout.toml", "[release]\n", f'[scope]\nunmanaged = "{policy}"\n\n[release]\n')


def test_what_others_own_fails_unless_it_is_allowed(road: Road) -> None:
    road.migrate("local")
    road.sql("local", THEIRS)
    assert road.cli("drift", "local").code == 4

    let(road, "report")
    told = road.cli("drift", "local", "--json")
    one = json.loads(told.out)["environments"][0]
    assert (told.code, one["verdict"], one["unmanaged"], one["drift"]) == (0, "in_step", TOLD, [])
    assert "  unmanaged: table others.things" in road.cli("drift", "local").out.splitlines()
    assert "unmanaged in local: table public.loose" in road.cli("status").out.splitlines()
    assert "unmanaged: view public.seen" in road.cli("plan").out.splitlines()

    road.edit("rollout.toml", '"report"', '"ignore"')
    silent = road.cli("drift", "local")
    assert (silent.code, "unmanaged" in silent.out) == (0, False)


@pytest.mark.parametrize("what", OURS)
def test_what_is_done_to_ours_is_drift_whatever_is_allowed(road: Road, what: str) -> None:
    let(road, "ignore")
    road.migrate("local")
    road.sql("local", OURS[what])
    assert road.cli("drift", "local").code == 4


def test_a_rollout_leaves_what_others_own_exactly_as_it_was(road: Road) -> None:
    let(road, "report")
    theirs = THEIRS.split("CREATE TABLE public.loose", maxsplit=1)[0]
    for name in road.urls:
        road.sql(name, theirs)
    road.roll_out()
    assert {road.revision(name) for name in road.urls} == {"0007"}
    road.assert_nothing_left_to_do()
    assert road.cli("rollback", "local").code == 0
    assert road.cli("drift", "local").code == 0
    assert road.sql("local", "SELECT count(*) FROM others.things") == [(0,)]


def test_what_is_in_the_way_of_a_release_stays_in_the_way(road: Road) -> None:
    let(road, "ignore")
    road.sql("local", "CREATE TABLE wishlist_items (a int)")
    assert (road.cli("apply").code, road.revision("local")) == (6, None)


def test_a_policy_that_does_not_exist_is_refused(road: Road) -> None:
    let(road, "maybe")
    assert road.cli("drift").code == 2
