"""Events of a run in Dagster: materializations, asset checks, tags and skipped steps."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.data_version import extract_data_version_from_entry

from tests.defs.test_definitions import CHECKS

if TYPE_CHECKING:
    from tests.fix_project import Workspace

INDEXES = {
    "public.idx_wishlist_user_id",
    "public.idx_wishlist_user_priority",
    "public.idx_wishlist_user_sort",
    "public.idx_wishlist_user_store",
    "public.idx_wishlist_user_store_priority",
}
ROW = "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')"


def newest(instance: dg.DagsterInstance, *key: str) -> dg.EventLogEntry:
    (record,) = instance.fetch_materializations(dg.AssetKey(key), limit=1).records
    return record.event_log_entry


def metadata(entry: dg.EventLogEntry) -> dict[str, Any]:
    materialization = entry.asset_materialization
    assert materialization is not None
    return {name: value.value for name, value in materialization.metadata.items()}


def test_materialization_describes_the_live_schema(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    assert workspace.run_job("rollout").awaiting == "prod"
    entry = newest(instance, "schema", "staging")
    values = metadata(entry)
    columns = values["dagster/column_schema"].columns
    assert len(columns) == 19
    assert [(c.name, c.type, c.constraints.nullable) for c in columns[:4]] == [
        ("public.wishlist_items.id", "uuid", False),
        ("public.wishlist_items.user_id", "text", False),
        ("public.wishlist_items.title", "text", False),
        ("public.wishlist_items.store", "public.wishlist_store", False),
    ]
    assert values["tables"] == ["public.wishlist_items"]
    assert set(values["indexes"]) == INDEXES
    assert values["enums"] == {
        "public.wishlist_currency": ["USD", "EUR", "GBP", "CAD", "AUD"],
        "public.wishlist_store": ["LEGO", "Barweer", "Cata", "BrickLink", "Other"],
    }
    assert any("priority_range_check" in name for name in values["constraints"])
    assert values["rows"] == {"public.wishlist_items": 0}
    assert (values["revision"], values["from"], values["to"]) == ("0007", "base", "0007")
    assert values["server version"].split(".")[0] == "18"
    assert "wishlist_items" in values["delta"]
    assert values["seconds to migrate"] > 0

    fingerprint = json.loads(workspace.cli("snapshot", "staging").out)["fingerprint"]
    assert values["fingerprint"] == fingerprint
    version = extract_data_version_from_entry(entry)
    assert version is not None
    assert version.value == fingerprint
    assert instance.get_latest_materialization_event(dg.AssetKey(["schema", "prod"])) is None


def test_run_that_waits_at_the_gate_succeeds_and_skips_the_later_steps(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    run_id = workspace.run_job("rollout").run_id
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
        *((name, check, True) for name in ("local", "staging") for check in {*CHECKS, "no_drift"}),
        *((name, "preflight", True) for name in ("local", "staging", "prod")),
        ("prod", "gate", False),
    }
    request = instance.fetch_observations(dg.AssetKey(["approval", "prod_approval"]), limit=1).records
    assert len(request) == 1


def test_failed_check_is_recorded_and_later_steps_are_skipped(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    """The script behaves differently in this database than in its rehearsal."""
    more = "CREATE INDEX more ON wishlist_items (title)"
    here = f"DO $$ BEGIN IF current_database() LIKE 'test%' THEN {more}; END IF; END $$"
    script = "migrations/versions/0007_wishlist_items.py"
    workspace.edit(script, "\n\n\ndef downgrade", f'\n    op.execute("{here}")\n\n\ndef downgrade')
    assert workspace.cli("generate", "--record").code == 0

    outcome = workspace.run_job("rollout")
    assert (outcome.success, outcome.error_class, outcome.exit_code) == (False, "CommitRefused", 5)
    failed = {
        event.asset_check_evaluation_data.check_name
        for entry in instance.all_logs(outcome.run_id)
        if (event := entry.dagster_event) and event.event_type_value == "ASSET_CHECK_EVALUATION"
        if not event.asset_check_evaluation_data.passed
    }
    assert failed == {"exact_delta"}
    assert [workspace.revision(name) for name in ("local", "staging", "prod")] == [None, None, None]
    assert instance.get_latest_materialization_event(dg.AssetKey(["schema", "local"])) is None


def test_rollback_and_verify_materialize_the_schema(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    workspace.migrate("local")
    workspace.sql("local", ROW)
    assert workspace.run_job(
        "verify", {"ops": {op(workspace, "verify"): {"config": {"environment": "local"}}}}
    ).success
    values = metadata(newest(instance, "schema", "local"))
    assert (values["rows"], values["dagster/row_count"]) == ({"public.wishlist_items": 1}, 1)

    outcome = workspace.run_job("rollback", {"ops": {"rollback_plan": {"config": {"environment": "local"}}}})
    assert outcome.success
    steps = [each.step_key for each in instance.get_run_step_stats(outcome.run_id)]
    assert sorted(steps) == ["archive_and_downgrade", "rollback_gate", "rollback_plan", "rollback_verify"]
    entry = newest(instance, "schema", "local")
    values = metadata(entry)
    assert (values["revision"], values["from"], values["to"]) == ("0006", "0007", "0006")
    assert values["archived"] == {"table public.wishlist_items": 1}
    version = extract_data_version_from_entry(entry)
    assert version is not None
    assert version.value == values["fingerprint"]


@pytest.mark.parametrize("by_remedy", [False, True])
def test_rollback_that_waits_skips_its_later_steps_and_its_approval_is_for_no_other_way(
    workspace: Workspace, instance: dg.DagsterInstance, *, by_remedy: bool
) -> None:
    """The approval of a rollback by downgrades is not valid for the one by the remedy, and the other way round."""
    workspace.migrate("prod")
    config = {"environment": "prod", "by_remedy": by_remedy}
    outcome = workspace.run_job("rollback", {"ops": {"rollback_plan": {"config": config}}})
    assert (outcome.success, outcome.awaiting) == (True, "prod")
    events = [entry.dagster_event for entry in instance.all_logs(outcome.run_id) if entry.dagster_event]
    assert [event.step_key for event in events if event.is_step_success] == ["rollback_plan", "rollback_gate"]
    assert [event.step_key for event in events if event.is_step_skipped] == [
        "archive_and_downgrade",
        "rollback_verify",
    ]
    assert workspace.cli("approve", "prod", "--reason", "broken", "--yes").code == 0
    ways = {True: ("--by-remedy",), False: ()}
    other = workspace.cli("rollback", "prod", "--to", "0006", *ways[not by_remedy])
    assert (other.code, workspace.revision("prod")) == (3, "0007"), other
    done = workspace.cli("rollback", "prod", "--to", "0006", *ways[by_remedy])
    assert (done.code, workspace.revision("prod")) == (0, "0006"), done


def op(workspace: Workspace, job: str) -> str:
    """Return the name of a job's only op."""
    from wish_rollout.defs.code_location import build_definitions

    (node,) = build_definitions(workspace.project.config).resolve_job_def(job).graph.nodes
    return node.name


def test_dagster_database_contains_no_password(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    workspace.set_url("staging", workspace.urls["staging"].replace("postgresql://", "postgresql+psycopg://"))
    workspace.run_job("rollout")
    workspace.set_url("prod", "postgresql://rollout:pl4nted-s3cret@127.0.0.1:1/prod")
    workspace.run_job("rollout")
    with psycopg.connect(os.environ["DAGSTER_POSTGRES_URL"].replace("+psycopg2", "")) as connection:
        tables = connection.execute(
            "select quote_ident(relname) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        ).fetchall()
        stored = "\n".join(
            str(row)
            for (table,) in tables
            for row in connection.execute(f"select t::text from {table} t".encode())
        )
    assert "verify_local" in stored
    assert [secret for secret in workspace.secrets if secret and secret in stored] == []
