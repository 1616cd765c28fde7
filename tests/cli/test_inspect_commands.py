"""The commands `drift`, `diff`, `snapshot` and `doctor`, which change nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from wish_rollout.core.schema.snapshot import Snapshot

if TYPE_CHECKING:
    from tests.fix_project import Workspace

BY_HAND = "create index by_hand on wishlist_items (title)"


@pytest.fixture
def changed(workspace: Workspace) -> Workspace:
    """A workspace with a manual change in staging."""
    workspace.migrate("local", "staging")
    workspace.sql("staging", BY_HAND)
    return workspace


def test_drift_reports_a_manual_change(changed: Workspace) -> None:
    before = changed.identity()
    assert changed.cli("drift", "local").code == 0
    assert changed.cli("drift", "prod").code == 0  # an environment behind the head has no drift

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


def test_unreachable_database_exits_with_1(workspace: Workspace) -> None:
    workspace.set_url("prod", "postgresql://rollout@127.0.0.1:1/prod")
    for command in (("drift", "prod"), ("status",), ("status", "--json")):
        result = workspace.cli(*command)
        assert (result.code, "unreachable" in result.out) == (1, True)


def test_diff_accepts_names_urls_and_snapshot_files(changed: Workspace) -> None:
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


def test_snapshot_is_equal_on_both_versions_and_contains_no_rows(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.migrate("local")
    workspace.sql(
        "local", "insert into wishlist_items (user_id, title, store) values ('u', 'castle', 'LEGO')"
    )
    first, second = workspace.cli("snapshot", "local"), workspace.cli("snapshot", workspace.urls["local"])
    assert (first.code, first.err, first.out) == (0, "", second.out)
    assert "castle" not in first.out
    assert json.loads(first.out)["fingerprint"] == workspace.project.history.at(("0007",)).fingerprint


def test_doctor_passes_for_a_complete_project(workspace: Workspace) -> None:
    result = workspace.cli("doctor", "--json")
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
        "settings",
        "dagster",
        "scratch server",
        "sandbox",
    ]
    assert {each["exit_code"] for each in findings.values()} == {0}
    assert "head 0007" in findings["scripts"]["detail"]


def test_doctor_reports_missing_parts(workspace: Workspace) -> None:
    workspace.unset_url("staging")
    workspace.unset_url("prod")
    result = workspace.cli("doctor")
    assert result.code == 2
    lines = {line[6:].split(":")[0]: line for line in result.out.splitlines()}
    assert lines["staging"].startswith("ok    staging: disabled")
    assert lines["prod"].startswith("FAIL")
    assert "export PROD_DATABASE_URL=" in lines["prod"]
    assert lines["local"].startswith("ok")


def test_lock_on_a_table_limits_the_wait_of_drift(workspace: Workspace) -> None:
    workspace.migrate("local")
    database = urlsplit(workspace.database_urls["local"]).path.removeprefix("/")
    workspace.as_superuser("local", f'alter database "{database}" set lock_timeout = 100')
    with psycopg.connect(workspace.database_urls["local"]) as other:
        other.execute("lock table wishlist_items in access exclusive mode")
        for command in ("plan", "apply", "drift", "diff"):
            targets = ("local", workspace.urls["local"]) if command == "diff" else ()
            result = workspace.cli(command, *targets)
            assert (result.code, "locked by another session" in result.err + result.out) == (
                1 if command == "drift" else 6,
                True,
            ), result
    assert workspace.cli("drift", "local").code == 0


def test_diff_prints_the_sql_from_one_schema_to_another(changed: Workspace) -> None:
    written = changed.root / "staging.json"
    written.write_text(changed.cli("snapshot", "staging").out)
    result = changed.cli("diff", str(written), "local", "--sql")
    lines = result.out.splitlines()
    assert result.code == 4
    assert "it runs, and leaves no other difference" in lines[0]
    assert (lines[1], lines[-1]) == ("BEGIN;", "COMMIT;")
    assert "DROP INDEX public.by_hand;" in lines

    remedy = json.loads(changed.cli("diff", "staging", "local", "--sql", "--json", "--no-rehearsal").out)
    assert (remedy["covered"], remedy["loses_data"], remedy["rehearsal"]) == (True, False, "")
    assert changed.cli("diff", "local", "local", "--sql").code == 0
    assert changed.cli("diff", "local", "staging", "--lossy").code == 2


def test_diff_prints_no_sql_for_a_file_that_is_no_snapshot(changed: Workspace) -> None:
    whole = changed.cli("snapshot", "staging").out
    for text in (whole[: len(whole) // 2], whole.replace('"version": 1', '"version": 99'), "{}"):
        written = changed.root / "bad.json"
        written.write_text(text)
        result = changed.cli("diff", str(written), "local", "--sql")
        assert (result.code, result.out) == (2, "")
        assert "bad.json" in result.err


def test_diff_prints_no_sql_for_a_file_without_the_extension_of_a_type(changed: Workspace) -> None:
    changed.as_superuser("local", "create extension citext schema public")
    changed.sql("local", "create table with_citext (a public.citext)")
    objects = Snapshot.from_json(changed.cli("snapshot", "local").out).objects
    without = Snapshot({key: value for key, value in objects.items() if key[0] != "extension"})
    written = changed.root / "without.json"
    written.write_text(without.to_json())
    result = changed.cli("diff", "staging", str(written), "--sql")
    assert (result.code, result.out) == (2, "")
    assert "public.citext" in result.err
    assert "public.with_citext.a" in result.err
    assert changed.cli("diff", "staging", str(written)).code == 4


def test_doctor_says_once_what_prevents_several_checks(workspace: Workspace) -> None:
    (workspace.root / "migrations/env.py").rename(workspace.root / "migrations/environment.py")
    result = workspace.cli("doctor")
    assert result.code == 2
    assert result.out.count("there is no env.py") == 1
    assert "FAIL  history: the same failure as that of scripts" in result.out
