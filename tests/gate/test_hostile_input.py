"""Hostile or malformed data in Dagster neither opens nor blocks a gate."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
import pytest

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.test_resume_sensor import keys, launch, observe, tick
from wish_rollout.defs.code_location import build_definitions
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.gate.approval_events import rejection_event
from wish_rollout.defs.runs import notifications, run_tags
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.defs.sandbox_operator import run_through_gates

if TYPE_CHECKING:
    from tests.gate.conftest import Gate

BLOCKED = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
IMPATIENT = "budgets = { transaction = { lock_ms = 300, statement_ms = 10000 } }"


@pytest.mark.parametrize("how", ["rejected", "signer gone"])
def test_action_that_waited_for_a_lock_checks_the_gate_again(gate: Gate, how: str) -> None:
    """A rejection during the wait stops the action."""
    gate.workspace.edit("rollout.toml", "gated = true", f"gated = true\n{IMPATIENT}")
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    request = gate.requests()[0]
    assert gate.approve()[0] == 0
    with psycopg.connect(gate.workspace.database_urls["prod"]) as other:
        other.execute("select count(*) from wishlist_items")
        process = gate.workspace.start("rollback", "prod")
        end = time.monotonic() + 120
        while not gate.workspace.sql("prod", BLOCKED):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.02)
        if how == "rejected":
            with open_instance(gate.workspace.project.config) as instance:
                event = rejection_event("prod", request.nonce, "x", "stop")
                instance.report_runless_asset_event(event)
        else:
            file = gate.workspace.root / "approvers"
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(line for line in lines if not line.startswith(APPROVER)))
        ended = gate.workspace.wait_for(process)  # while the other one still holds its lock
    assert (ended.code != 0, gate.workspace.revision("prod")) == (True, "0007"), ended


def test_full_nonce_selects_one_request(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod", "--to", "base").code == 3
    other = gate.requests()[0]
    assert gate.workspace.cli("rollback", "prod").code == 3
    meant = gate.requests()[0]
    alike = meant.nonce[:63] + ("0" if meant.nonce[63] != "0" else "1")
    observe(gate, request=replace(other, nonce=meant.nonce + "0").text())
    observe(gate, request=replace(other, nonce=alike).text())
    code, said = gate.approve(APPROVER, "--nonce", meant.nonce[:10])
    assert (code, "Several requests for 'prod' begin with the nonce" in said) == (6, True), said
    assert gate.approve(APPROVER, "--nonce", meant.nonce)[0] == 0
    (run,) = tick(gate).run_requests or []
    assert launch(gate, run).success
    assert gate.workspace.revision("prod") == "0006"


def test_many_requests_do_not_slow_a_tick(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    request = gate.ask()
    for _ in range(20):
        observe(gate, request=replace(request, nonce=secrets.token_hex(32)).text())
    assert gate.approve(APPROVER, "--nonce", request.nonce)[0] == 0
    looks: list[Any] = []
    asked = approval_store.read_approval_documents

    def documents(*arguments: Any) -> list[str]:
        looks.append(arguments)
        return asked(*arguments)

    monkeypatch.setattr(approval_store, "read_approval_documents", documents)
    assert (keys(tick(gate)), len(looks)) == ([f"approval:{request.nonce}"], 1)


@pytest.mark.parametrize("who", ["", APPROVER, "-----BEGIN SSH SIGNATURE-----"])
def test_every_requester_has_a_separate_request(gate: Gate, who: str) -> None:
    """The requester decides who may approve, so a request of another person is not reused."""
    assert gate.workspace.run_job("rollout", tags={run_tags.REQUESTER: who}).success
    mine = gate.ask()
    assert mine.requester == REQUESTER
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 0


def test_drift_sensor_ignores_a_foreign_cursor(gate: Gate) -> None:
    with gate.workspace.as_current_project(), open_instance(gate.workspace.project.config) as instance:
        sensor = build_definitions(gate.workspace.project.config).resolve_sensor_def("drift")
        for cursor in ("{", "7", "[1]", '{"token": 7}', "[" * 10_000):
            assert sensor(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_key_of_another_namespace_is_refused(gate: Gate) -> None:
    names = {"!wish-rollout,*": 1, "[w]ish-rollout": 1, "*,!git": 0, "w?sh-*": 0}
    for number, namespaces in enumerate(names):
        gate.person(f"{number}@example.org", f'namespaces="{namespaces}"')
    gate.ask()
    refused = [gate.approve(f"{number}@example.org")[0] != 0 for number in range(len(names))]
    assert refused == [bool(each) for each in names.values()]


def test_sandbox_operator_signs_only_the_request_of_its_run(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("rollback", "prod").code == 0
    gate.ask()
    assert gate.workspace.cli("rollback", "prod").code == 3
    with gate.workspace.as_current_project():
        run_through_gates(gate.workspace.project, "x", lambda _: None)
    assert gate.workspace.revision("prod") == "0007"


def test_failure_after_an_approval_is_reported_by_the_next_ticks(gate: Gate) -> None:
    gate.add_earlier_environments()
    request = gate.ask()
    assert gate.approve()[0] == 0
    first = tick(gate)
    (run,) = first.run_requests or []
    gate.workspace.sql("staging", "create table somebody (id int)")
    assert not launch(gate, run).success
    later = tick(gate, first.cursor)
    assert (keys(later), request in gate.requests()) == ([], True)
    assert "failure; continue manually: wish-rollout apply" in str(later.skip_reason)


def test_foreign_run_with_the_same_key_does_not_block_the_sensor(gate: Gate) -> None:
    request = gate.ask()
    assert gate.approve()[0] == 0
    planted = gate.workspace.run_job("drift_check", tags={run_tags.RUN_KEY: f"approval:{request.nonce}"})
    (run,) = tick(gate).run_requests or []
    assert run.run_key == f"approval:{request.nonce}:{planted.run_id}"
    assert launch(gate, run).success
    assert gate.workspace.revision("prod") == "0007"
    assert keys(tick(gate)) == []


def test_repeated_used_request_hides_no_other_request(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    used = gate.requests()[0]
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("rollback", "prod").code == 0
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    observe(gate, request=used.text())
    assert gate.requests()[0] != used
    assert gate.approve()[0] == 0


def test_failure_of_a_materialization_is_reported(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.add_earlier_environments()
    events: list[str] = []
    monkeypatch.setattr(
        notifications, "send_to_receivers", lambda _config, notice, _log: events.append(str(notice.event))
    )
    gate.workspace.sql("staging", "create table wishlist_items (id int)")
    with gate.workspace.as_current_project(), open_instance(gate.workspace.project.config) as instance:
        button = build_definitions(gate.workspace.project.config).resolve_implicit_global_asset_job_def()
        assert not button.execute_in_process(instance=instance, raise_on_error=False).success
    assert events == ["failed"]


def test_invalid_documents_do_not_hide_why_an_approval_is_void(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    gate.policy('lives = "5h"')
    with open_instance(gate.workspace.project.config) as instance:
        event = dg.AssetMaterialization(["approval", "prod_approval"], metadata={"approval": "yes"})
        instance.report_runless_asset_event(event)
    assert "policy was" in gate.workspace.cli("apply").err


def test_wait_for_a_locked_ledger_is_limited(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    assert gate.workspace.cli("rollback", "prod").code == 3
    with psycopg.connect(gate.workspace.database_urls["prod"]) as other:
        other.execute("lock table wish_rollout.ledger")
        gate.workspace.set_url("prod", gate.workspace.database_urls["prod"] + "?options=-clock_timeout%3D300")
        listed = gate.workspace.cli("requests", "prod")
        assert (listed.code, "act: rollback" in listed.out) == (0, True), listed
        assert "A table of 'prod' is locked" in gate.workspace.cli("log", "prod").err


def test_break_glass_needs_a_reason(gate: Gate) -> None:
    gate.workspace.migrate("prod")
    for reason in (" ", "no"):
        words = ("--break-glass", reason, "--yes", "--key", str(gate.keys[APPROVER]))
        said = gate.workspace.cli("rollback", "prod", *words)
        assert (said.code, "--break-glass require a text" in said.err) == (2, True), said
    assert gate.workspace.revision("prod") == "0007"
