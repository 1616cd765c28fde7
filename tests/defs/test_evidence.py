"""What a rollout leaves in Dagster: for every environment what is really there, and every check."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.data_version import extract_data_version_from_entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Road

INDEXES = {
    "public.idx_wishlist_user_id",
    "public.idx_wishlist_user_priority",
    "public.idx_wishlist_user_sort",
    "public.idx_wishlist_user_store",
    "public.idx_wishlist_user_store_priority",
}
ROW = "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')"


@pytest.fixture
def instance(road: Road) -> Iterator[dg.DagsterInstance]:
    """Dagster's own records of the road."""
    with dg.DagsterInstance.get() as opened:
        yield opened


def newest(instance: dg.DagsterInstance, *key: str) -> dg.EventLogEntry:
    (record,) = instance.fetch_materializations(dg.AssetKey(key), limit=1).records
    return record.event_log_entry


def metadata(entry: dg.EventLogEntry) -> dict[str, Any]:
    materialization = entry.asset_materialization
    assert materialization is not None
    return {name: value.value for name, value in materialization.metadata.items()}


def test_a_materialization_tells_what_is_really_there(road: Road, instance: dg.DagsterInstance) -> None:
    assert road.run("rollout").awaiting == "prod"
    entry = newest(instance, "schema", "staging")
    told = metadata(entry)
    columns = told["dagster/column_schema"].columns
    assert len(columns) == 19
    assert [(c.name, c.type, c.constraints.nullable) for c in columns[:4]] == [
        ("public.wishlist_items.id", "uuid", False),
        ("public.wishlist_items.user_id", "text", False),
        ("public.wishlist_items.title", "text", False),
        ("public.wishlist_items.store", "public.wishlist_store", False),
    ]
    assert told["tables"] == ["public.wishlist_items"]
    assert set(told["indexes"]) == INDEXES
    assert told["enums"] == {
        "public.wishlist_currency": ["USD", "EUR", "GBP", "CAD", "AUD"],
        "public.wishlist_store": ["LEGO", "Barweer", "Cata", "BrickLink", "Other"],
    }
    assert any("priority_range_check" in name for name in told["constraints"])
    assert told["rows"] == {"public.wishlist_items": 0}
    assert (told["revision"], told["from"], told["to"]) == ("0007", "base", "0007")
    assert told["server version"].split(".")[0] == "18"
    assert "wishlist_items" in told["delta"]
    assert told["seconds to migrate"] > 0

    fingerprint = json.loads(road.cli("snapshot", "staging").out)["fingerprint"]
    assert told["fingerprint"] == fingerprint
    version = extract_data_version_from_entry(entry)
    assert version is not None
    assert version.value == fingerprint
    assert instance.get_latest_materialization_event(dg.AssetKey(["schema", "prod"])) is None


def test_at_the_gate_the_run_succeeds_is_tagged_and_skips_what_is_behind(
    road: Road, instance: dg.DagsterInstance
) -> None:
    run_id = road.run("rollout").run_id
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert (run.status, run.tags["wish_rollout/awaiting_approval"]) == (dg.DagsterRunStatus.SUCCESS, "prod")
    events = [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]
    skipped = {str(event.step_key).split(".")[-1] for event in events if event.is_step_skipped}
    assert skipped == {"migrate_prod", "verify_prod"}
    evaluated = [
        event.asset_check_evaluation_data
        for event in events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    assert {(each.asset_key.path[-1], each.check_name, each.passed) for each in evaluated} == {
        (name, check, True)
        for name in ("local", "staging")
        for check in (
            "columns",
            "indexes",
            "enums",
            "constraints",
            "nothing_invalid",
            "exact_delta",
            "idempotent",
            "behaviour",
        )
    }
    request = instance.fetch_observations(dg.AssetKey(["approval", "prod"]), limit=1).records
    assert len(request) == 1


def test_a_failed_check_is_kept_and_nothing_behind_it_runs(road: Road, instance: dg.DagsterInstance) -> None:
    """By a script that does something else here than where it was rehearsed."""
    more = "CREATE INDEX more ON wishlist_items (title)"
    here = f"DO $$ BEGIN IF current_database() LIKE 'test%' THEN {more}; END IF; END $$"
    script = "migrations/versions/0007_wishlist_items.py"
    road.edit(script, "\n\n\ndef downgrade", f'\n    op.execute("{here}")\n\n\ndef downgrade')
    assert road.cli("generate", "--record").code == 0

    outcome = road.run("rollout")
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "NotAsPromised", 5)
    failed = {
        event.asset_check_evaluation_data.check_name
        for entry in instance.all_logs(outcome.run_id)
        if (event := entry.dagster_event) and event.event_type_value == "ASSET_CHECK_EVALUATION"
        if not event.asset_check_evaluation_data.passed
    }
    assert failed == {"indexes", "exact_delta"}
    assert [road.revision(name) for name in ("local", "staging", "prod")] == ["0007", None, None]
    assert instance.get_latest_materialization_event(dg.AssetKey(["schema", "local"])) is None


def test_a_rollback_and_a_verification_materialize_anew(road: Road, instance: dg.DagsterInstance) -> None:
    road.migrate("local")
    road.sql("local", ROW)
    assert road.run("verify", {"ops": {op(road, "verify"): {"config": {"environment": "local"}}}}).success
    told = metadata(newest(instance, "schema", "local"))
    assert (told["rows"], told["dagster/row_count"]) == ({"public.wishlist_items": 1}, 1)

    road.sql("local", "delete from wishlist_items")
    assert road.run("rollback", {"ops": {op(road, "rollback"): {"config": {"environment": "local"}}}}).success
    entry = newest(instance, "schema", "local")
    told = metadata(entry)
    assert (told["revision"], told["from"], told["to"]) == ("0006", "0007", "0006")
    version = extract_data_version_from_entry(entry)
    assert version is not None
    assert version.value == told["fingerprint"]


def op(road: Road, job: str) -> str:
    """Name the one op of a job."""
    from wish_rollout.defs.code_location import build

    (node,) = build(road.project.config).resolve_job_def(job).graph.nodes
    return node.name


def test_no_password_is_kept_in_dagsters_database(road: Road, instance: dg.DagsterInstance) -> None:
    road.point("staging", road.urls["staging"].replace("postgresql://", "postgresql+psycopg://"))
    road.run("rollout")
    road.point("prod", "postgresql://rollout:pl4nted-s3cret@127.0.0.1:1/prod")
    road.run("rollout")
    with psycopg.connect(os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")) as connection:
        tables = connection.execute(
            "select quote_ident(relname) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        ).fetchall()
        kept = "\n".join(
            str(row)
            for (table,) in tables
            for row in connection.execute(f"select t::text from {table} t".encode())
        )
    assert "verify_local" in kept
    assert [secret for secret in road.secrets if secret and secret in kept] == []
