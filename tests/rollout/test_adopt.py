from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.rollout.test_drift import BY_HAND

if TYPE_CHECKING:
    from tests.fix_project import Road

DROPPED = "ALTER TABLE wishlist_items DROP COLUMN updated_by;"


def fingerprints(road: Road) -> set[str]:
    document = json.loads(road.cli("status", "--json").out)
    return {each["fingerprint"] for each in document["environments"]}


def test_drift_becomes_a_revision_of_all_environments(road: Road) -> None:
    road.migrate("local", "staging", "prod")
    for statement in BY_HAND.replace(DROPPED, "").split(";\n"):
        road.sql("local", statement)

    made = road.cli("generate", "--adopt", "local", "-m", "hotfix", "--json")
    assert made.code == 0, made
    assert json.loads(made.out)["revision"] == "0008"
    stopped = road.cli("apply")
    assert (stopped.code, "wish-rollout apply --adopt local" in stopped.err) == (6, True)

    assert road.cli("apply", "--adopt", "local").code == 3
    road.roll_out()
    assert {road.revision(name) for name in road.urls} == {"0008"}
    assert len(fingerprints(road)) == 1
    assert road.cli("drift").code == 0
    road.assert_nothing_left_to_do()

    assert road.cli("rollback", "local").code == 0
    assert road.cli("drift").code == 0


def test_what_cannot_be_written_is_refused_and_nothing_is_left(road: Road) -> None:
    road.migrate("local")
    road.sql("local", DROPPED)
    road.sql("local", "ALTER TABLE wishlist_items DROP COLUMN notes")
    before = {path.name: path.read_bytes() for path in road.root.glob("migrations/[vm]*/*.*")}
    refused = road.cli("generate", "--adopt", "local")
    assert refused.code == 6
    assert "downgrade would not cover column public.wishlist_items.notes" in refused.err
    assert {path.name: path.read_bytes() for path in road.root.glob("migrations/[vm]*/*.*")} == before


def test_only_drift_at_the_head_can_be_adopted(road: Road) -> None:
    road.migrate("local")
    nothing = road.cli("generate", "--adopt", "local")
    assert (nothing.code, "Nothing to adopt" in nothing.err) == (0, True)
    road.sql("prod", "CREATE TABLE early (a int)")
    early = road.cli("generate", "--adopt", "prod")
    assert (early.code, "it is at base, and the release's head is 0007" in early.err) == (6, True)
    assert road.cli("generate", "--adopt", "nowhere").code == 2
    assert road.cli("generate", "--adopt", "local", "--record").code == 2
