"""Notifications to a real HTTP receiver; a failing receiver fails no rollout."""

from __future__ import annotations

import json
import logging
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.fix_project import REQUESTER, SECRET_PASSWORD
from tests.gate.test_resume_sensor import tick
from tests.gate.test_secrets import files, stored
from wish_rollout.config import Config, ReceiverConfig
from wish_rollout.core.notifications import Event, Notification, NotificationNotSent
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.resume.cursor import ResumeCursor
from wish_rollout.defs.resume.expiries import waiting_entry
from wish_rollout.notices import send
from wish_rollout.rollout.inspection.notifications import send_to_receivers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Workspace
    from tests.gate.conftest import Gate

TABLE = '\n[[notify]]\nurl_variable = "TELL_URL"\n'


class Receiver(ThreadingHTTPServer):
    """An HTTP server that records the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[dict[str, Any]] = []
        self.status = 200

    @property
    def titles(self) -> list[tuple[str, str]]:
        """The received notifications: type and title."""
        return [(each["type"], each["title"]) for each in self.got]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of all events of the workspace."""
    workspace: Workspace = request.getfixturevalue(
        "prod_workspace" if "gate" in request.fixturenames else "workspace"
    )
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setenv("TELL_URL", f"json://user:{SECRET_PASSWORD}@127.0.0.1:{server.server_port}/hook")
        path = workspace.root / "rollout.toml"
        path.write_text(path.read_text() + TABLE)
        yield server
        server.shutdown()
        thread.join(10)


def test_notifications_of_requests_break_glass_and_completed_rollouts(gate: Gate, receiver: Receiver) -> None:
    gate.policy("quorum = 2")
    request = gate.ask()
    assert receiver.titles == [("info", "prod waits for an approval")]
    assert request.text() in receiver.got[0]["message"] + "\n"
    gate.ask()
    assert len(receiver.got) == 1
    assert gate.approve(REQUESTER, "--break-glass", "prod is down")[0] == 0
    assert gate.workspace.cli("apply").code == 0
    assert receiver.titles[1:] == [
        ("warning", f"prod: {REQUESTER} approved: agreed BREAK GLASS: prod is down"),
        ("warning", f"prod: BREAK GLASS used by {REQUESTER}: prod is down"),
        ("success", "prod: upgrade base → 0007, verified"),
    ]
    assert gate.workspace.cli("rollback", "prod", "--break-glass", "undo", "--yes").code == 0
    assert receiver.titles[-1] == ("success", "prod: rollback 0007 → 0006, verified")


def test_notification_of_a_rejected_request(gate: Gate, receiver: Receiver) -> None:
    gate.workspace.edit(
        "rollout.toml", "[release]\n", '[dagster]\nurl = "https://dagster.example.com"\n\n[release]\n'
    )
    gate.ask()
    assert gate.workspace.cli("reject", "prod", "--reason", "not this week").code == 0
    assert receiver.titles[1:] == [("info", "prod: request rejected")]
    message = receiver.got[1]["message"]
    assert "not this week" in message
    assert "https://dagster.example.com/runs/" in message


def test_notification_of_an_expired_request(gate: Gate, receiver: Receiver) -> None:
    gate.policy('lives = "3s"')
    request = gate.ask()
    waiting = ResumeCursor(waiting=(waiting_entry(request),)).to_text()
    end = time.monotonic() + 120
    while request.expires > datetime.now(UTC):
        assert time.monotonic() < end
        time.sleep(0.05)

    after = tick(gate, waiting).cursor
    tick(gate, after)

    assert receiver.titles[1:] == [("info", "prod: request expired")]
    assert "wish-rollout apply" in receiver.got[1]["message"]


def test_an_approved_request_is_not_said_to_have_expired(
    gate: Gate, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run may migrate just now. What is patched decides whether a request is open, so that no time has to pass."""
    request = gate.ask()
    assert gate.approve()[0] == 0
    before = list(receiver.titles)
    monkeypatch.setattr(approval_store, "_is_open_for", lambda *_: False)

    tick(gate, ResumeCursor(waiting=(waiting_entry(request),)).to_text())

    assert receiver.titles == before


def test_used_and_rejected_requests_are_not_said_to_have_expired(gate: Gate, receiver: Receiver) -> None:
    gate.ask()
    assert gate.workspace.cli("reject", "prod", "--reason", "not this week").code == 0
    request = gate.ask()
    waiting = ResumeCursor.from_text(tick(gate).cursor)
    assert waiting.waiting == (waiting_entry(request),)
    assert gate.approve()[0] == 0
    assert gate.workspace.cli("apply").code == 0
    before = list(receiver.titles)
    entries = (*waiting.waiting, "unknown:0")
    tick(gate, ResumeCursor(waiting=entries).to_text())
    assert receiver.titles == before


def test_notifications_of_drift_and_failed_rollouts(workspace: Workspace, receiver: Receiver) -> None:
    workspace.migrate("local")
    workspace.sql("local", "create index by_hand on wishlist_items (title)")
    assert not workspace.run_job(
        "drift_check", {"ops": {"check_drift": {"config": {"environments": ["local"]}}}}
    ).success
    assert receiver.titles == [("warning", "local: drifted at 0007")]
    assert "added index public.by_hand" in receiver.got[0]["message"]
    workspace.sql("local", "drop index by_hand")
    database = urlsplit(workspace.database_urls["staging"]).path.removeprefix("/")
    workspace.as_superuser("staging", f'revoke create on database "{database}" from rollout')
    assert workspace.cli("apply").code != 0
    assert receiver.titles[1:] == [("failure", "staging: rollout failed")]
    assert "hint: " in receiver.got[1]["message"]

    workspace.as_superuser("staging", f'grant create on database "{database}" to rollout')
    assert workspace.cli("apply").code == 3
    assert receiver.titles[2:] == [
        ("success", "local: no drift any more, at 0007"),
        ("success", "staging: rollout succeeded after a failure"),
        ("info", "prod waits for an approval"),
    ]
    assert workspace.cli("apply").code == 3
    assert len(receiver.got) == 5


def test_failing_receiver_fails_no_rollout_and_its_url_is_not_stored(
    workspace: Workspace, receiver: Receiver
) -> None:
    receiver.status = 500
    workspace.migrate("local", "staging")
    assert workspace.cli("apply").code == 3
    assert receiver.titles == [("info", "prod waits for an approval")]
    rows = list(stored(workspace))
    assert any("could not be sent to the receiver in TELL_URL" in text for _, text in rows)
    assert [place for place, text in [*rows, *files(workspace)] if SECRET_PASSWORD in text] == []


@pytest.mark.parametrize("status", [200, 500])
def test_no_receiver_url_in_debug_logs(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    receiver.status = status
    url = f"json://127.0.0.1:{receiver.server_port}/hook/{SECRET_PASSWORD}"
    before = {
        name: logging.getLogger(name).level for name in ("urllib3", "apprise", "urllib3.connectionpool")
    }
    with caplog.at_level(logging.DEBUG):
        with suppress(NotificationNotSent):
            send(Notification(Event.FAILED, "prod", "it failed", "so it did"), "here", url)
        logging.getLogger("urllib3.connectionpool").debug("it can be heard again")
    assert len(receiver.got) == 1
    assert SECRET_PASSWORD not in caplog.text
    assert "it can be heard again" in caplog.text
    assert before == {name: logging.getLogger(name).level for name in before}


@pytest.mark.parametrize(
    ("table", "url", "reason"),
    [
        (
            {"url_variable": "TELL_URL"},
            f"json://user:{SECRET_PASSWORD}@127.0.0.1:1/",
            "the service rejected it",
        ),
        ({"url_variable": "TELL_URL"}, f"what://{SECRET_PASSWORD}", "is not an apprise URL"),
        ({"url_variable": "TELL_URL"}, "", "it is not set"),
        (
            {"url_command": ["printf", f"{SECRET_PASSWORD}\n{SECRET_PASSWORD}"]},
            "",
            "it contains more than one line",
        ),
        ({"url_file": "missing"}, "", "No such file"),
    ],
)
def test_failed_notification_is_logged_without_the_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: dict[str, Any], url: str, reason: str
) -> None:
    monkeypatch.setenv("TELL_URL", url)
    environments = [{"name": "prod"}]
    config = Config.model_validate({"root": tmp_path, "environment": environments, "notify": [table]})
    logged: list[str] = []
    send_to_receivers(config, Notification(Event.FAILED, "prod", "it failed", "so it did"), logged.append)
    (line,) = logged
    assert (reason in line, SECRET_PASSWORD in line) == (True, False), line


def test_sandbox_sends_no_notifications(
    workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WISH_ROLLOUT_SANDBOX", "1")
    send_to_receivers(
        workspace.project.config, Notification(Event.FAILED, "", "it failed", ""), lambda _: None
    )
    assert receiver.got == []


def test_doctor_checks_receivers_and_sends_nothing(workspace: Workspace, receiver: Receiver) -> None:
    assert (
        "ok    notify TELL_URL: JSON, events waiting, rejected, expired, break_glass"
        in workspace.cli("doctor").out
    )
    workspace.edit("rollout.toml", "TELL_URL", "NOT_SET_URL")
    result = workspace.cli("doctor")
    assert (result.code, "FAIL  notify NOT_SET_URL: " in result.out, receiver.got) == (1, True, [])


def test_receiver_gets_only_the_selected_events() -> None:
    table = {"url_variable": "X", "on": ["failed"], "environments": ["prod"]}
    receiver = ReceiverConfig.model_validate(table)
    wanted = [Notification(Event.FAILED, name, "", "") for name in ("prod", "")]
    others = [Notification(Event.FAILED, "local", "", ""), Notification(Event.DRIFT, "prod", "", "")]
    assert [receiver.accepts(each) for each in (*wanted, *others)] == [True, True, False, False]


def test_message_contains_no_control_characters_and_passwords() -> None:
    title, text = Notification(
        Event.FAILED, "", "a\x1b[2J\nb", f"postgresql://u:{SECRET_PASSWORD}@h/d \u202e"
    ).safe_title_and_text
    assert (title, SECRET_PASSWORD in text, "\u202e" in text) == ("a\\x1b[2J b", False, False)
