"""A gate in use: persons with keys, requests, approvals that are as they should be or not."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_project import APPROVER, REQUESTER, SIGNERS, as_program, known_key, road_on
from wish_rollout.core.approval.documents import Request, Statement, Subject
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.approval.approval_validity import check_submitted_approval
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Road
    from wish_rollout.core.approval.policy import SignedStatement
    from wish_rollout.sandbox.server import Server

SECOND, AUTHOR, STRANGER = "second@example.org", "author@example.org", "stranger@example.org"
BEFORE = ("local", "staging")
SUBJECT_FIELDS = frozenset(each.name for each in fields(Subject))


@dataclass
class Gate:
    """The gate of prod on a road, with four eyes. ``keys``: by person."""

    road: Road
    keys: dict[str, Path] = field(default_factory=dict)

    def person(self, name: str, options: str = "", *, known: bool = True) -> Path:
        """Give somebody a key, and have them known, with options as the file of signers takes them."""
        path = self.road.root / "home" / name.partition("@")[0]
        known_key(path)
        self.keys[name] = path
        if known:
            line = path.with_suffix(".pub").read_text()
            with (self.road.root / "approvers").open("a") as file:
                file.write(f"{name} {options} {line}".replace("  ", " "))
        return path

    def with_those_before(self) -> None:
        """Have the environments before it take part."""
        for name in BEFORE:
            self.road.add(name)

    def policy(self, line: str) -> None:
        """Add a line to the gate's policy."""
        self.road.edit("rollout.toml", SIGNERS, f"{SIGNERS}\n{line}")

    def ask(self) -> Request:
        """Come to the gate, and give the request that is made there."""
        stopped = self.road.cli("apply")
        assert stopped.code == 3, stopped
        return self.requests()[0]

    def requests(self) -> list[Request]:
        """Give the open requests, the newest first."""
        with open_instance(self.road.project.config) as instance:
            return [asked.request for asked in approval_store.requests(instance, "prod")]

    def document(self, request: Request, person: str = APPROVER, **changes: Any) -> str:
        """Sign a request, or one that was changed before it was signed."""
        of_subject = {key: changes.pop(key) for key in list(changes) if key in SUBJECT_FIELDS}
        glass = changes.pop("break_glass", "")
        changed = replace(request, subject=replace(request.subject, **of_subject), **changes)
        text = Statement(changed, person, "agreed", glass).text()
        return text + sign(text, find_keys(self.keys[person])[0])

    def check_submitted_approval(self, document: str) -> SignedStatement:
        """Hand an approval in, as the job's op does."""
        project = self.road.project
        with as_program(self.road.root, ["wish-rollout"], StringIO(), StringIO()):
            return check_submitted_approval(project, project.target("prod"), document, {})

    def hand_in(self, document: str) -> tuple[int, str]:
        """Hand an approval in by the command line."""
        file = self.road.root / "handed-in"
        file.write_text(document)
        result = self.road.cli("approve", "prod", "--in", str(file))
        return result.code, result.out + result.err

    def approve(self, person: str = APPROVER, *more: str) -> tuple[int, str]:
        """Approve as a person does."""
        key = str(self.keys[person])
        result = self.road.cli("approve", "prod", "--key", key, "--reason", "agreed", "--yes", *more)
        return result.code, result.out + result.err

    def ledger(self, columns: str) -> list[tuple[Any, ...]]:
        """Read prod's ledger."""
        return self.road.sql("prod", f"select {columns} from wish_rollout.ledger order by seq")


@pytest.fixture
def lone_road(
    server18: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Road]:
    """A project of which only prod has a database."""
    with road_on(server18, tmp_path, dagster_url, monkeypatch, ("prod",)) as laid:
        yield laid


@pytest.fixture
def gate(lone_road: Road) -> Gate:
    """A gate with one who may approve, one more, the author of all there is, and somebody unknown.

    The environments before it are left out: what they would show is shown elsewhere.
    """
    road = lone_road
    road.edit("rollout.toml", 'name = "local"', 'name = "local"\noptional = true')
    road.edit("rollout.toml", f"{SIGNERS}\nfour_eyes = false", SIGNERS)
    authors = f'0006 = ["{AUTHOR}"]\n0007 = ["{AUTHOR}"]'
    first = '[[environment]]\nname = "local"'
    road.edit("rollout.toml", first, f"[release.authors]\n{authors}\n\n{first}")
    made = Gate(road, {APPROVER: road.root / "home/.ssh/id_ed25519"})
    for name in (SECOND, AUTHOR, REQUESTER):
        made.person(name, 'namespaces="wish-rollout"')
    made.person(STRANGER, known=False)
    return made


def now() -> datetime:
    """Give this moment as a request holds it."""
    return datetime.now(UTC).replace(microsecond=0)
