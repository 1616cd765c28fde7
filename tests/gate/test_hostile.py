"""What somebody who reaches Dagster, or is careless, can put in the way of a gate: it opens none, and closes none."""

from __future__ import annotations

import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
import pytest

from tests.fix_project import APPROVER, REQUESTER
from tests.gate.test_sensor import keys, launch, observe, tick
from wish_rollout.defs.code_location import build
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
def test_an_act_that_waited_for_others_is_asked_for_again_at_the_gate(gate: Gate, how: str) -> None:
    """Whoever sees it hanging, and rejects it, stops it."""
    gate.road.edit("rollout.toml", "gated = true", f"gated = true\n{IMPATIENT}")
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    request = gate.requests()[0]
    assert gate.approve()[0] == 0
    with psycopg.connect(gate.road.made["prod"]) as other:
        other.execute("select count(*) from wishlist_items")
        process = gate.road.start("rollback", "prod")
        end = time.monotonic() + 30
        while not gate.road.sql("prod", BLOCKED):
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.02)
        if how == "rejected":
            with open_instance(gate.road.project.config) as instance:
                event = rejection_event("prod", request.nonce, "x", "stop")
                instance.report_runless_asset_event(event)
        else:
            file = gate.road.root / "approvers"
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join(line for line in lines if not line.startswith(APPROVER)))
        ended = gate.road.ended(process)  # while the other one still holds its lock
    assert (ended.code != 0, gate.road.revision("prod")) == (True, "0007"), ended


def test_a_nonce_names_one_request_and_not_each_that_begins_so(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod", "--to", "base").code == 3
    other = gate.requests()[0]
    assert gate.road.cli("rollback", "prod").code == 3
    meant = gate.requests()[0]
    alike = meant.nonce[:63] + ("0" if meant.nonce[63] != "0" else "1")
    observe(gate, request=replace(other, nonce=meant.nonce + "0").text())
    observe(gate, request=replace(other, nonce=alike).text())
    code, said = gate.approve(APPROVER, "--nonce", meant.nonce[:10])
    assert (code, "Several requests for 'prod' begin with the nonce" in said) == (6, True), said
    assert gate.approve(APPROVER, "--nonce", meant.nonce)[0] == 0
    (run,) = tick(gate).run_requests or []
    assert launch(gate, run).success
    assert gate.road.revision("prod") == "0006"


def test_a_flood_of_requests_costs_a_tick_nothing(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    request = gate.ask()
    for _ in range(20):
        observe(gate, request=replace(request, nonce=secrets.token_hex(32)).text())
    assert gate.approve(APPROVER, "--nonce", request.nonce)[0] == 0
    looks: list[Any] = []
    asked = approval_store.documents

    def documents(*arguments: Any) -> list[str]:
        looks.append(arguments)
        return asked(*arguments)

    monkeypatch.setattr(approval_store, "documents", documents)
    assert (keys(tick(gate)), len(looks)) == ([f"approval:{request.nonce}"], 1)


@pytest.mark.parametrize("who", ["", APPROVER, "-----BEGIN SSH SIGNATURE-----"])
def test_a_person_has_a_request_of_their_own_whatever_others_asked(gate: Gate, who: str) -> None:
    """Who asks decides who may approve, so another one's request is not one's own."""
    assert gate.road.run("rollout", tags={run_tags.REQUESTER: who}).success
    mine = gate.ask()
    assert mine.requester == REQUESTER
    assert gate.approve()[0] == 0
    assert gate.road.cli("apply").code == 0


def test_a_drift_sensor_reads_no_cursor_that_is_not_its_own(gate: Gate) -> None:
    with gate.road.here(), open_instance(gate.road.project.config) as instance:
        sensor = build(gate.road.project.config).resolve_sensor_def("drift_prod")
        for cursor in ("{", "7", "[1]", '{"token": 7}', "[" * 10_000):
            assert sensor(dg.build_sensor_context(instance=instance, cursor=cursor))


def test_a_key_that_ssh_keygen_refuses_for_our_purpose_counts_for_nothing(gate: Gate) -> None:
    names = {"!wish-rollout,*": 1, "[w]ish-rollout": 1, "*,!git": 0, "w?sh-*": 0}
    for number, namespaces in enumerate(names):
        gate.person(f"{number}@example.org", f'namespaces="{namespaces}"')
    gate.ask()
    refused = [gate.approve(f"{number}@example.org")[0] != 0 for number in range(len(names))]
    assert refused == [bool(each) for each in names.values()]


def test_the_operator_signs_what_its_own_run_asked_for(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    assert gate.approve()[0] == 0
    assert gate.road.cli("rollback", "prod").code == 0
    gate.ask()
    assert gate.road.cli("rollback", "prod").code == 3
    with gate.road.here():
        run_through_gates(gate.road.project, "x", lambda _: None)
    assert gate.road.revision("prod") == "0007"


def test_what_went_wrong_after_an_approval_is_told_by_the_next_ticks(gate: Gate) -> None:
    gate.with_those_before()
    request = gate.ask()
    assert gate.approve()[0] == 0
    first = tick(gate)
    (run,) = first.run_requests or []
    gate.road.sql("staging", "create table somebody (id int)")
    assert not launch(gate, run).success
    later = tick(gate, first.cursor)
    assert (keys(later), request in gate.requests()) == ([], True)
    assert "failure; go on by hand: wish-rollout apply" in str(later.skip_reason)


def test_a_run_that_somebody_launched_under_its_key_does_not_hold_it_up(gate: Gate) -> None:
    request = gate.ask()
    assert gate.approve()[0] == 0
    planted = gate.road.run("drift_check", tags={run_tags.RUN_KEY: f"approval:{request.nonce}"})
    (run,) = tick(gate).run_requests or []
    assert run.run_key == f"approval:{request.nonce}:{planted.run_id}"
    assert launch(gate, run).success
    assert gate.road.revision("prod") == "0007"
    assert keys(tick(gate)) == []


def test_a_used_request_that_is_repeated_hides_none(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    used = gate.requests()[0]
    assert gate.approve()[0] == 0
    assert gate.road.cli("rollback", "prod").code == 0
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    observe(gate, request=used.text())
    assert gate.requests()[0] != used
    assert gate.approve()[0] == 0


def test_a_failure_behind_the_materialize_button_is_told(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.with_those_before()
    told: list[str] = []
    monkeypatch.setattr(
        notifications, "tell_all", lambda _config, notice, _log: told.append(str(notice.event))
    )
    gate.road.sql("staging", "create table wishlist_items (id int)")
    with gate.road.here(), open_instance(gate.road.project.config) as instance:
        button = build(gate.road.project.config).resolve_implicit_global_asset_job_def()
        assert not button.execute_in_process(instance=instance, raise_on_error=False).success
    assert told == ["failed"]


def test_garbage_does_not_hide_why_an_approval_is_void(gate: Gate) -> None:
    gate.ask()
    assert gate.approve()[0] == 0
    gate.policy('lives = "5h"')
    with open_instance(gate.road.project.config) as instance:
        event = dg.AssetMaterialization(["approval", "prod"], metadata={"approval": "yes"})
        instance.report_runless_asset_event(event)
    assert "policy was" in gate.road.cli("apply").err


def test_a_locked_ledger_is_not_waited_for_without_end(gate: Gate) -> None:
    gate.road.migrate("prod")
    assert gate.road.cli("rollback", "prod").code == 3
    with psycopg.connect(gate.road.made["prod"]) as other:
        other.execute("lock table wish_rollout.ledger")
        gate.road.point("prod", gate.road.made["prod"] + "?options=-clock_timeout%3D300")
        listed = gate.road.cli("requests", "prod")
        assert (listed.code, "act: rollback" in listed.out) == (0, True), listed
        assert "A table of 'prod' is locked" in gate.road.cli("log", "prod").err


def test_a_glass_is_broken_with_a_reason_or_not_at_all(gate: Gate) -> None:
    gate.road.migrate("prod")
    for glass in (" ", "no"):
        words = ("--break-glass", glass, "--yes", "--key", str(gate.keys[APPROVER]))
        said = gate.road.cli("rollback", "prod", *words)
        assert (said.code, "whoever breaks the glass" in said.err) == (2, True), said
    assert gate.road.revision("prod") == "0007"
