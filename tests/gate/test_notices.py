"""People are told, by a real request to a real receiver; and nothing fails of one that does not answer."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.fix_project import PLANTED, REQUESTER
from tests.gate.test_secrets import files, stored
from wish_rollout.config import Config, ReceiverConfig
from wish_rollout.core.notifications import Event, Notification, NotificationNotSent
from wish_rollout.notices import send
from wish_rollout.rollout.inspection.notifications import send_to_receivers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Road
    from tests.gate.conftest import Gate

TABLE = '\n[[notify]]\nurl_variable = "TELL_URL"\n'


class Receiver(ThreadingHTTPServer):
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[dict[str, Any]] = []
        self.status = 200

    @property
    def titles(self) -> list[tuple[str, str]]:
        """What it was told: how grave, and the title."""
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
    """A receiver that the test's road tells everything."""
    road: Road = request.getfixturevalue("lone_road" if "gate" in request.fixturenames else "road")
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setenv("TELL_URL", f"json://user:{PLANTED}@127.0.0.1:{server.server_port}/hook")
        path = road.root / "rollout.toml"
        path.write_text(path.read_text() + TABLE)
        yield server
        server.shutdown()
        thread.join(10)


def test_people_are_told_of_what_waits_of_broken_glass_and_of_what_was_done(
    gate: Gate, receiver: Receiver
) -> None:
    gate.policy("quorum = 2")
    request = gate.ask()
    assert receiver.titles == [("info", "prod waits for an approval")]
    assert request.text() in receiver.got[0]["message"] + "\n"
    gate.ask()
    assert len(receiver.got) == 1
    assert gate.approve(REQUESTER, "--break-glass", "prod is down")[0] == 0
    assert gate.road.cli("apply").code == 0
    assert receiver.titles[1:] == [
        ("warning", f"prod: {REQUESTER} approved: agreed BREAKING THE GLASS: prod is down"),
        ("warning", f"prod: {REQUESTER} BREAKS THE GLASS: prod is down"),
        ("success", "prod: upgrade base → 0007, verified"),
    ]
    assert gate.road.cli("rollback", "prod", "--break-glass", "undo", "--yes").code == 0
    assert receiver.titles[-1] == ("success", "prod: rollback 0007 → 0006, verified")


def test_people_are_told_of_drift_and_of_a_rollout_that_failed(road: Road, receiver: Receiver) -> None:
    road.migrate("local")
    road.sql("local", "create index by_hand on wishlist_items (title)")
    assert not road.run(
        "drift_check", {"ops": {"check_drift": {"config": {"environments": ["local"]}}}}
    ).success
    assert receiver.titles == [("warning", "local: drifted at 0007")]
    assert "added index public.by_hand" in receiver.got[0]["message"]
    road.sql("local", "drop index by_hand")
    database = urlsplit(road.made["staging"]).path.removeprefix("/")
    road.as_superuser("staging", f'revoke create on database "{database}" from rollout')
    assert road.cli("apply").code != 0
    assert receiver.titles[1:] == [("failure", "staging: rollout failed")]
    assert "hint: " in receiver.got[1]["message"]


def test_a_receiver_that_refuses_fails_no_rollout_and_its_address_is_left_nowhere(
    road: Road, receiver: Receiver
) -> None:
    receiver.status = 500
    road.migrate("local", "staging")
    assert road.cli("apply").code == 3
    assert receiver.titles == [("info", "prod waits for an approval")]
    rows = list(stored(road))
    assert any("could not be told to the receiver in TELL_URL" in text for _, text in rows)
    assert [place for place, text in [*rows, *files(road)] if PLANTED in text] == []


@pytest.mark.parametrize("status", [200, 500])
def test_an_address_is_in_no_log_however_much_is_logged(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    receiver.status = status
    url = f"json://127.0.0.1:{receiver.server_port}/hook/{PLANTED}"
    before = {
        name: logging.getLogger(name).level for name in ("urllib3", "apprise", "urllib3.connectionpool")
    }
    with caplog.at_level(logging.DEBUG):
        with suppress(NotificationNotSent):
            send(Notification(Event.FAILED, "prod", "it failed", "so it did"), "here", url)
        logging.getLogger("urllib3.connectionpool").debug("it can be heard again")
    assert len(receiver.got) == 1
    assert PLANTED not in caplog.text
    assert "it can be heard again" in caplog.text
    assert before == {name: logging.getLogger(name).level for name in before}


@pytest.mark.parametrize(
    ("table", "url", "reason"),
    [
        ({"url_variable": "TELL_URL"}, f"json://user:{PLANTED}@127.0.0.1:1/", "the service did not take it"),
        ({"url_variable": "TELL_URL"}, f"what://{PLANTED}", "no address that apprise understands"),
        ({"url_variable": "TELL_URL"}, "", "it is not set"),
        ({"url_command": ["printf", f"{PLANTED}\n{PLANTED}"]}, "", "it holds more than one line"),
        ({"url_file": "missing"}, "", "No such file"),
    ],
)
def test_what_cannot_be_told_is_logged_without_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: dict[str, Any], url: str, reason: str
) -> None:
    monkeypatch.setenv("TELL_URL", url)
    environments = [{"name": "prod"}]
    config = Config.model_validate({"root": tmp_path, "environment": environments, "notify": [table]})
    logged: list[str] = []
    send_to_receivers(config, Notification(Event.FAILED, "prod", "it failed", "so it did"), logged.append)
    (line,) = logged
    assert (reason in line, PLANTED in line) == (True, False), line


def test_nothing_that_happens_in_the_sandbox_is_told(
    road: Road, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WISH_ROLLOUT_SANDBOX", "1")
    send_to_receivers(road.project.config, Notification(Event.FAILED, "", "it failed", ""), lambda _: None)
    assert receiver.got == []


def test_the_doctor_looks_at_receivers_and_sends_nothing(road: Road, receiver: Receiver) -> None:
    assert "ok    notify TELL_URL: JSON, told of waiting, break_glass" in road.cli("doctor").out
    road.edit("rollout.toml", "TELL_URL", "NOT_SET_URL")
    told = road.cli("doctor")
    assert (told.code, "FAIL  notify NOT_SET_URL: " in told.out, receiver.got) == (1, True, [])


def test_a_receiver_is_told_what_it_wants() -> None:
    table = {"url_variable": "X", "on": ["failed"], "environments": ["prod"]}
    receiver = ReceiverConfig.model_validate(table)
    wanted = [Notification(Event.FAILED, name, "", "") for name in ("prod", "")]
    others = [Notification(Event.FAILED, "local", "", ""), Notification(Event.DRIFT, "prod", "", "")]
    assert [receiver.wants(each) for each in (*wanted, *others)] == [True, True, False, False]


def test_a_message_cannot_act_on_a_terminal_and_holds_no_password() -> None:
    title, text = Notification(Event.FAILED, "", "a\x1b[2J\nb", f"postgresql://u:{PLANTED}@h/d \u202e").shown
    assert (title, PLANTED in text, "\u202e" in text) == ("a\\x1b[2J b", False, False)
