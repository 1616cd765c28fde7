"""Attacks with an approval for another action, and with what is added to the database after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.attacks.test_gate_attacks import EMPTY_PUBLIC
from tests.fix_project import APPROVER

if TYPE_CHECKING:
    from tests.gate.conftest import Gate

ADDED = {
    "an event trigger": (
        (
            "create function public.changed() returns event_trigger language plpgsql as"
            " $$ begin alter table if exists wishlist_items add column if not exists more text; end $$;"
            " create event trigger added on ddl_command_end execute function public.changed()"
        ),
        "drop event trigger added; drop function public.changed()",
    ),
    "an event trigger with a function of a catalog": (
        (
            "create function wish_rollout.changed() returns event_trigger language plpgsql as $$ begin null; end $$;"
            " create event trigger added on ddl_command_end execute function wish_rollout.changed()"
        ),
        "drop event trigger added; drop function wish_rollout.changed()",
    ),
    "an operator before that of pg_catalog": (
        (
            "create function public.less(text, text) returns boolean language sql as 'select true';"
            " create operator public.< (leftarg = text, rightarg = text, function = public.less)"
        ),
        "drop operator public.< (text, text); drop function public.less(text, text)",
    ),
}


def approve(gate: Gate) -> None:
    assert gate.approve(APPROVER, "--nonce", gate.requests()[0].nonce)[0] == 0


def test_approval_of_an_action_is_none_for_another(gate: Gate) -> None:
    workspace = gate.workspace
    gate.policy("four_eyes = false")
    workspace.migrate("prod")
    workspace.sql("prod", "drop table alembic_version")
    assert workspace.cli("apply").code not in (0, 3), "its objects conflict with the release"
    assert workspace.cli("apply", "--adopt", "prod").code == 3
    assert gate.requests()[0].subject.act == "adopt"
    approve(gate)
    workspace.as_superuser("prod", EMPTY_PUBLIC)
    assert (workspace.cli("apply").code, workspace.revision("prod")) == (3, None)
    assert gate.requests()[0].subject.act == "upgrade"
    approve(gate)
    for choice in ("--adopt", "--replan", "--clean"):
        refused = workspace.cli("apply", choice, "prod")
        assert (refused.code != 0, workspace.revision("prod")) == (True, None), (choice, refused)
    for name, (add, remove) in ADDED.items():
        workspace.as_superuser("prod", add)
        refused = workspace.cli("apply")
        assert (refused.code in (3, 4), workspace.revision("prod")) == (True, None), (name, refused)
        workspace.as_superuser("prod", remove)
    done = workspace.cli("apply")
    assert (done.code, workspace.revision("prod")) == (0, "0007"), done


def test_approval_of_a_rollback_is_none_for_another(gate: Gate) -> None:
    workspace = gate.workspace
    workspace.migrate("prod")
    workspace.sql("prod", "insert into wishlist_items (user_id, title, store) values ('u', 't', 'LEGO')")
    assert workspace.cli("rollback", "prod").code == 3
    approve(gate)
    assert (workspace.cli("rollback", "prod", "--to", "base", "--yes").code, workspace.revision("prod")) == (
        3,
        "0007",
    )
    assert workspace.cli("apply").code == 0
    assert workspace.revision("prod") == "0007"
    done = workspace.cli("rollback", "prod")
    assert (done.code, workspace.revision("prod")) == (0, "0006"), done
    purged = workspace.cli("archives", "prod", "purge", "--older-than", "0d")
    assert (purged.code != 0, "kept" in purged.err) == (True, True), purged
    stopped = workspace.cli("apply", "--restore")
    assert (stopped.code, workspace.revision("prod")) == (3, "0006"), stopped
    repeated = workspace.cli("rollback", "prod", "--to", "base")
    assert (repeated.code, workspace.revision("prod")) == (3, "0006"), repeated
