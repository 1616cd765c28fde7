"""A rollback archives the rows that it would destroy, and `restore` brings them back."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fix_project import Workspace

SECRET = "nobody else reads this"
MANY = 100_000
ROWS = """
insert into wishlist_items (user_id, title, store, currency, tags)
select 'u' || n, '{}', (enum_range(null::wishlist_store))[1 + n % 5], 'EUR', jsonb_build_array(n)
from generate_series(1, {}) as n
"""
ALL = "select md5(string_agg(w::text, '|' order by id)), count(*) from wishlist_items as w"
TYPES = "select typname::text from pg_type where typtype = 'e' and typnamespace = 'public'::regnamespace"


@pytest.mark.one_version
def test_rows_of_a_gated_environment_are_archived_and_come_back(each_workspace: Workspace) -> None:
    workspace = each_workspace
    workspace.roll_out()
    workspace.sql("prod", ROWS.format(SECRET, MANY))
    before = workspace.sql("prod", ALL)
    fingerprint = json.loads(workspace.cli("snapshot", "prod").out)["fingerprint"]
    assert workspace.cli("rollback", "prod").code == 3
    assert workspace.cli("approve", "prod", "--reason", "broken", "--yes").code == 0
    assert workspace.cli("rollback", "prod", "--to", "0006").code == 0
    assert (workspace.revision("prod"), workspace.sql("prod", TYPES)) == ("0006", [])
    assert workspace.sql("prod", "select to_regclass('wishlist_items')") == [(None,)]
    assert json.loads(workspace.cli("snapshot", "prod").out)["fingerprint"] == (
        workspace.project.history.at(("0006",)).fingerprint
    )
    (archive,) = archives(workspace)
    *_, rollback, checksum = ledger(workspace)
    assert (archive["state"], archive["rows"], archive["ledger_row"]) == ("waiting", MANY, rollback["seq"])
    assert (rollback["act"], rollback["detail"]["archive"]["objects"][0]["rows"]) == ("rollback", MANY)
    assert checksum["act"] == "archive checksum"
    assert checksum["detail"]["archive"]["objects"] == archive["objects"]
    assert [(each["object"], each["moved"]) for each in archive["objects"]] == [
        ("table public.wishlist_items", True)
    ]
    texts = dagster_texts(workspace)
    assert ("table public.wishlist_items" in texts, SECRET in texts) == (True, False)
    assert workspace.cli("verify", "prod").code == 0
    assert workspace.cli("drift", "prod").code == 0
    assert "cannot be restored at revision 0006" in workspace.cli("restore", "prod").err

    workspace.roll_out()
    assert "archive 1 of prod waits" in workspace.cli("apply").err
    restored = workspace.cli("apply", "--restore")
    assert (restored.code, "100,000 restored" in restored.out) == (0, True)
    assert workspace.sql("prod", ALL) == before
    assert json.loads(workspace.cli("snapshot", "prod").out)["fingerprint"] == fingerprint
    assert ledger(workspace)[-1]["act"] == "restore"
    assert workspace.cli("log", "prod", "--verify").code == 0
    assert [each["state"] for each in archives(workspace)] == ["restored"]


def archives(workspace: Workspace, name: str = "prod") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(workspace.cli("archives", name, "--json").out)
    return found


def ledger(workspace: Workspace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(workspace.cli("log", "prod", "--json").out)
    return found


def dagster_texts(workspace: Workspace) -> str:
    """Return everything that the runs have written: files, and Dagster's tables."""
    files = [path.read_bytes().decode(errors="replace") for path in text_files(workspace.root)]
    url = os.environ["DAGSTER_POSTGRES_URL"].replace("postgresql+psycopg2:", "postgresql:")
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select event from event_logs union all select run_body from runs"
        ).fetchall()
    return "\n".join([*files, *(row[0] for row in rows)])


def text_files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and "home" not in path.parts]


def test_changed_archive_is_not_restored(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", ROWS.format("t", 3))
    assert workspace.cli("rollback", "local").code == 0
    workspace.migrate("local")
    workspace.sql("local", "update wish_rollout_archive.a1_1 set title = 'other' where user_id = 'u1'")
    refused = workspace.expect_error(5, "restore", "local")
    assert "is not what the rollback archived" in refused
    assert workspace.sql("local", "select count(*) from wishlist_items") == [(0,)]
    assert "has no archive 7" in workspace.expect_error(2, "restore", "local", "7")
    workspace.sql("local", "update wish_rollout_archive.archives set environment = 'prod'")
    assert "a rollback of 'prod'" in workspace.expect_error(2, "restore", "local", "1")


def test_archive_schema_of_others_is_refused_before_anything_changes(workspace: Workspace) -> None:
    workspace.migrate("local")
    workspace.sql("local", ROWS.format("t", 3))
    database, role = workspace.sql("local", "select current_database(), current_user")[0]
    workspace.as_superuser("local", f"revoke create on database {database} from {role}")
    assert "may not create the schema" in workspace.expect_error(6, "rollback", "local")
    workspace.as_superuser("local", f"grant create on database {database} to {role}")
    workspace.as_superuser("local", "create schema wish_rollout_archive")
    assert "belongs to another role" in workspace.expect_error(6, "rollback", "local")
    workspace.as_superuser("local", f"alter schema wish_rollout_archive owner to {role}")
    workspace.sql("local", "grant usage on schema wish_rollout_archive to public")
    refused = workspace.expect_error(6, "rollback", "local")
    assert "Nothing can be archived in 'local'" in refused
    assert "other roles have privileges" in refused


def test_old_archives_are_deleted_and_that_is_recorded(workspace: Workspace) -> None:
    workspace.migrate("local", "prod")
    for name in ("local", "prod"):
        workspace.sql(name, ROWS.format("t", 3))
    assert workspace.cli("rollback", "local").code == 0
    assert workspace.cli("archives", "local", "purge").code == 2
    assert "nothing to delete" in workspace.cli("archives", "local", "purge", "--older-than", "90d").err
    assert workspace.cli("archives", "local", "purge", "--older-than", "0d").code == 0
    assert [(each["state"], each["rows"]) for each in archives(workspace, "local")] == [("purged", 0)]
    assert workspace.sql("local", "select act from wish_rollout.ledger order by seq desc limit 1") == [
        ("purge archive",)
    ]
    left = "select count(*) from pg_class where relnamespace = 'wish_rollout_archive'::regnamespace and relkind = 'r'"
    assert workspace.sql("local", left) == [(1,)]

    assert workspace.cli("rollback", "prod", "--break-glass", "broken", "--yes").code == 0
    refused = workspace.expect_error(6, "archives", "prod", "purge", "--older-than", "0d")
    assert "is kept for 90d" in refused
