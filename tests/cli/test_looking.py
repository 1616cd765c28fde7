"""`drift`, `diff`, `snapshot` and `doctor`: they look, and change nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.fix_project import Road

BY_HAND = "create index by_hand on wishlist_items (title)"


@pytest.fixture
def changed(road: Road) -> Road:
    """A road with a change by hand in staging."""
    road.migrate("local", "staging")
    road.sql("staging", BY_HAND)
    return road


def test_drift_names_what_was_changed_by_hand(changed: Road) -> None:
    before = changed.identity()
    assert changed.cli("drift", "local").code == 0
    assert changed.cli("drift", "prod").code == 0  # behind is no drift

    found = changed.cli("drift")
    assert found.code == 4
    assert "staging: same head different schema: at 0007" in found.out
    assert "by_hand" in found.out
    assert "local: in step: at 0007" in found.out

    as_json = changed.cli("drift", "staging", "--json")
    environment = json.loads(as_json.out)["environments"][0]
    assert (as_json.code, environment["verdict"]) == (4, "drifted")
    assert "public.by_hand" in json.dumps(environment["drift"])
    assert changed.identity() == before


def test_looking_ends_with_1_where_it_cannot_look(road: Road) -> None:
    road.point("prod", "postgresql://rollout@127.0.0.1:1/prod")
    for command in (("drift", "prod"), ("status",), ("status", "--json")):
        result = road.cli(*command)
        assert (result.code, "unreachable" in result.out) == (1, True)


def test_diff_takes_names_urls_and_snapshot_files(changed: Road) -> None:
    written = changed.root / "local.json"
    written.write_text(changed.cli("snapshot", "local").out)
    before = changed.identity()

    for same in (("local", str(written)), (str(written), changed.urls["local"]), ("local", "local")):
        result = changed.cli("diff", *same)
        assert (result.code, result.out, result.err) == (0, "", "no difference\n")

    for target in ("staging", changed.urls["staging"]):
        result = changed.cli("diff", str(written), target)
        assert (result.code, "by_hand" in result.out) == (4, True)
    added = json.loads(changed.cli("diff", "local", "staging", "--json").out)
    removed = json.loads(changed.cli("diff", "staging", "local", "--json").out)
    assert '"added"' in json.dumps(added)
    assert '"removed"' in json.dumps(removed)
    assert changed.identity() == before


def test_a_snapshot_is_the_same_on_both_servers_and_holds_no_row(each_road: Road) -> None:
    road = each_road
    road.migrate("local")
    road.sql("local", "insert into wishlist_items (user_id, title, store) values ('u', 'castle', 'LEGO')")
    first, second = road.cli("snapshot", "local"), road.cli("snapshot", road.urls["local"])
    assert (first.code, first.err, first.out) == (0, "", second.out)
    assert "castle" not in first.out
    recorded = json.loads((road.root / "migrations/meta/0007_snapshot.json").read_text())
    assert json.loads(first.out)["fingerprint"] == recorded["fingerprint"]


def test_doctor_finds_a_healthy_project(road: Road) -> None:
    result = road.cli("doctor", "--json")
    findings = {each["name"]: each for each in json.loads(result.out)}
    assert result.code == 0
    assert list(findings) == [
        "configuration",
        "scripts",
        "history",
        "local",
        "staging",
        "prod",
        "environments",
        "dagster",
        "sandbox",
    ]
    assert {each["exit_code"] for each in findings.values()} == {0}
    assert "head 0007" in findings["scripts"]["detail"]


def test_doctor_names_what_is_missing(road: Road) -> None:
    road.leave_out("staging")
    road.leave_out("prod")
    result = road.cli("doctor")
    assert result.code == 2
    lines = {line[6:].split(":")[0]: line for line in result.out.splitlines()}
    assert lines["staging"].startswith("ok    staging: left out")
    assert lines["prod"].startswith("FAIL")
    assert "export PROD_DATABASE_URL=" in lines["prod"]
    assert lines["local"].startswith("ok")


def test_a_schema_under_somebodys_lock_is_waited_for_only_so_long(road: Road) -> None:
    road.migrate("local")
    database = urlsplit(road.made["local"]).path.removeprefix("/")
    road.as_superuser("local", f'alter database "{database}" set lock_timeout = 100')
    with psycopg.connect(road.made["local"]) as other:
        other.execute("lock table wishlist_items in access exclusive mode")
        for command in ("plan", "apply", "drift", "diff"):
            targets = ("local", road.urls["local"]) if command == "diff" else ()
            result = road.cli(command, *targets)
            assert (result.code, "locked by somebody else" in result.err + result.out) == (
                1 if command == "drift" else 6,
                True,
            ), result
    assert road.cli("drift", "local").code == 0
