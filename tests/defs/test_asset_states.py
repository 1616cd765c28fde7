"""What Dagster shows of an asset: fresh or unsynced, failed or not, and its checks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from wish_rollout.core.plan.verification_checks import OTHER_CHECKS, SCHEMA_CHECKS
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.drift.job import drift_run_config

if TYPE_CHECKING:
    from tests.fix_project import Workspace

LATER = """revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    from alembic import op
    op.execute("create table later (id int)")


def downgrade() -> None:
    from alembic import op
    op.execute("drop table later")
"""
INDEX = "create index by_hand on wishlist_items (title)"


def key(name: str) -> dg.AssetKey:
    return dg.AssetKey(["schema", name])


def status(workspace: Workspace, instance: dg.DagsterInstance, name: str = "local") -> str:
    """Return the status that Dagster's UI shows: FRESH or STALE (unsynced)."""
    with workspace.as_current_project():
        graph = build_definitions(workspace.project.config).resolve_asset_graph()
    return (
        CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        .get_status(key(name))
        .value
    )


def check(instance: dg.DagsterInstance, name: str, check_name: str) -> tuple[bool, str, str]:
    """Return the latest result of a check: whether it passed, its severity and its description."""
    record = instance.get_latest_asset_check_evaluation_record(dg.AssetCheckKey(key(name), check_name))
    assert record is not None
    assert record.event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    return evaluation.passed, evaluation.severity.value, evaluation.description or ""


def shown_checks(instance: dg.DagsterInstance, name: str) -> set[str]:
    """Return the checks that the UI does not show as not evaluated: their results belong to the latest materialization."""
    context = LoadingContextForTest(instance)
    names = (*SCHEMA_CHECKS, *OTHER_CHECKS, "no_drift", "gate", "preflight")
    keys = [dg.AssetCheckKey(key(name), each) for each in names]
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    return {
        each.name
        for each, record in records.items()
        if asyncio.run(record.targets_latest_materialization(context))
    }


def shown_as_failed(instance: dg.DagsterInstance, name: str) -> bool:
    """Return whether the UI shows an asset as failed: its latest run has failed and has not materialized it."""
    (record,) = instance.get_asset_records([key(name)])
    run = instance.get_run_by_id(str(record.asset_entry.last_run_id))
    newest = record.asset_entry.last_materialization
    return bool(run and run.is_failure and (newest is None or newest.run_id != run.run_id))


def job(workspace: Workspace, name: str, op: str, environment: str = "local") -> None:
    assert workspace.run_job(name, {"ops": {op: {"config": {"environment": environment}}}}).success


def test_environment_is_fresh_only_at_the_head_without_drift(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    assert workspace.run_job("rollout").awaiting == "prod"
    assert [status(workspace, instance, name) for name in ("local", "staging")] == ["FRESH", "FRESH"]
    job(workspace, "verify", "verify_environment")
    assert status(workspace, instance) == "FRESH"

    job(workspace, "rollback", "rollback_plan")
    assert status(workspace, instance) == "STALE"
    job(workspace, "verify", "verify_environment")
    assert (workspace.revision("local"), status(workspace, instance)) == ("0006", "STALE")

    assert workspace.run_job("rollout").awaiting == "prod"
    assert [status(workspace, instance, name) for name in ("local", "staging")] == ["FRESH", "FRESH"]

    workspace.sql("local", INDEX)
    assert not workspace.run_job("drift_check", drift_run_config(["local"])).success
    assert status(workspace, instance) == "STALE"
    workspace.sql("local", "drop index by_hand")
    assert workspace.run_job("drift_check", drift_run_config(["local"])).success
    assert [status(workspace, instance, name) for name in ("local", "staging")] == ["FRESH", "FRESH"]

    (workspace.root / "migrations/versions/0008_later.py").write_text(LATER)
    assert workspace.cli("generate", "--record").code == 0
    assert [status(workspace, instance, name) for name in ("local", "staging")] == ["STALE", "STALE"]


def test_check_is_red_while_the_schema_has_drifted(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    assert workspace.run_job("rollout").awaiting == "prod"
    assert check(instance, "local", "no_drift")[0]
    verified = shown_checks(instance, "local")
    assert verified > {"exact_delta", "idempotent", "indexes", "preflight"}
    for _ in range(2):  # the same drift again
        workspace.sql("local", INDEX)
        assert not workspace.run_job("drift_check", drift_run_config(["local"])).success
        assert check(instance, "local", "no_drift") == (False, "ERROR", "added index public.by_hand")
        assert shown_checks(instance, "local") == {"no_drift", "preflight"}
        assert not check(instance, "local", "preflight")[0]
        workspace.sql("local", "drop index by_hand")
        assert workspace.run_job("drift_check", drift_run_config(["local"])).success
        assert check(instance, "local", "no_drift")[0]
        assert check(instance, "local", "preflight")[::2] == (True, "local: nothing to do, at 0007")
        assert shown_checks(instance, "local") == verified


def test_waiting_gate_is_shown_after_a_verification_and_while_the_schema_has_drifted(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    assert workspace.run_job("rollout").awaiting == "prod"
    job(workspace, "verify", "verify_environment", "prod")
    assert {"gate", "preflight"} <= shown_checks(instance, "prod")
    workspace.sql("prod", "create table by_hand (id int)")
    workspace.run_job("drift_check", drift_run_config(["prod"]))
    assert "gate" in shown_checks(instance, "prod")
    assert not check(instance, "prod", "preflight")[0]
    workspace.sql("prod", "drop table by_hand")
    workspace.run_job("drift_check", drift_run_config(["prod"]))
    assert check(instance, "prod", "preflight")[::2] == (True, "prod: migrate base → 0007")
    assert check(instance, "prod", "gate")[:2] == (False, "WARN")


def test_refused_environment_alone_is_shown_as_failed(
    workspace: Workspace, instance: dg.DagsterInstance
) -> None:
    assert workspace.run_job("rollout").awaiting == "prod"
    (workspace.root / "migrations/versions/0008_later.py").write_text(LATER)
    assert workspace.cli("generate", "--record").code == 0
    workspace.sql("prod", "create table later (id int)")

    outcome = workspace.run_job("rollout")

    assert (outcome.success, outcome.stages) == (False, [])
    assert [shown_as_failed(instance, name) for name in ("local", "staging", "prod")] == [False, False, True]
    passed, severity, reason = check(instance, "prod", "preflight")
    assert (passed, severity, "later" in reason) == (False, "ERROR", True), reason
    assert check(instance, "local", "preflight") == (True, "ERROR", "nothing was changed: refused for prod")
    assert [status(workspace, instance, name) for name in ("local", "staging")] == ["STALE", "STALE"]
    assert workspace.revision("local") == "0007"
