"""The gate of prod with approvers and their keys, requests, and valid or invalid approvals."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from tests.fix_project import APPROVER, REQUESTER, SIGNERS, as_program, workspace_on, write_key_pair
from wish_rollout.core.approval.documents import ApprovalStatement, Request
from wish_rollout.core.approval.subject import Subject
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.rollout.approval.approval_validity import check_submitted_approval
from wish_rollout.signing.ssh_keygen import find_keys, sign

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fix_project import Workspace
    from wish_rollout.core.approval.policy import SignedStatement
    from wish_rollout.sandbox.server import Server

SECOND, AUTHOR, STRANGER = "second@example.org", "author@example.org", "stranger@example.org"
EARLIER = ("local", "staging")
SUBJECT_FIELDS = frozenset(each.name for each in fields(Subject))


@dataclass
class Gate:
    """The gate of prod in a workspace, with four eyes. ``keys``: by person."""

    workspace: Workspace
    keys: dict[str, Path] = field(default_factory=dict)

    def person(self, name: str, options: str = "", *, known: bool = True) -> Path:
        """Create the key of a person, and add it to the allowed signers file with ``options``."""
        path = self.workspace.root / "home" / name.partition("@")[0]
        write_key_pair(path)
        self.keys[name] = path
        if known:
            line = path.with_suffix(".pub").read_text()
            with (self.workspace.root / "approvers").open("a") as file:
                file.write(f"{name} {options} {line}".replace("  ", " "))
        return path

    def add_earlier_environments(self) -> None:
        """Create the databases of the environments before prod."""
        for name in EARLIER:
            self.workspace.add(name)

    def policy(self, line: str) -> None:
        """Add a line to the gate's policy."""
        self.workspace.edit("rollout.toml", SIGNERS, f"{SIGNERS}\n{line}")

    def ask(self) -> Request:
        """Run apply up to the gate; return the new request."""
        stopped = self.workspace.cli("apply")
        assert stopped.code == 3, stopped
        return self.requests()[0]

    def requests(self) -> list[Request]:
        """Return the open requests, newest first."""
        with open_instance(self.workspace.project.config) as instance:
            return [asked.request for asked in approval_store.read_open_requests(instance, "prod")]

    def document(self, request: Request, person: str = APPROVER, **changes: Any) -> str:
        """Return a signed approval of a request, after ``changes`` to its fields."""
        of_subject = {key: changes.pop(key) for key in list(changes) if key in SUBJECT_FIELDS}
        emergency = changes.pop("break_glass", "")
        changed = replace(request, subject=replace(request.subject, **of_subject), **changes)
        text = ApprovalStatement(changed, person, "agreed", emergency).text()
        return text + sign(text, find_keys(self.keys[person])[0])

    def check_submitted_approval(self, document: str) -> SignedStatement:
        """Record an approval, as the op of the job does."""
        project = self.workspace.project
        with as_program(self.workspace.root, ["wish-rollout"], StringIO(), StringIO()):
            return check_submitted_approval(project, project.target("prod"), document, {})

    def submit_approval(self, document: str) -> tuple[int, str]:
        """Submit an approval with the approve command; return exit code and output."""
        file = self.workspace.root / "handed-in"
        file.write_text(document)
        result = self.workspace.cli("approve", "prod", "--in", str(file))
        return result.code, result.out + result.err

    def approve(self, person: str = APPROVER, *more: str) -> tuple[int, str]:
        """Approve with the key of a person; return exit code and output."""
        key = str(self.keys[person])
        result = self.workspace.cli("approve", "prod", "--key", key, "--reason", "agreed", "--yes", *more)
        return result.code, result.out + result.err

    def ledger(self, columns: str) -> list[tuple[Any, ...]]:
        """Return columns of the ledger of prod."""
        return self.workspace.sql("prod", f"select {columns} from wish_rollout.ledger order by seq")


@pytest.fixture
def prod_workspace(
    server18: Server, tmp_path: Path, dagster_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A workspace in which only prod has a database."""
    with workspace_on(server18, tmp_path, dagster_url, monkeypatch, ("prod",)) as created:
        yield created


@pytest.fixture
def gate(prod_workspace: Workspace) -> Gate:
    """A gate with two approvers, the author of the revisions, the requester, and a person who is not allowed.

    The environments before prod have no database; other tests cover them.
    """
    workspace = prod_workspace
    workspace.edit("rollout.toml", 'name = "local"', 'name = "local"\noptional = true')
    workspace.edit("rollout.toml", f"{SIGNERS}\nfour_eyes = false", SIGNERS)
    authors = f'0006 = ["{AUTHOR}"]\n0007 = ["{AUTHOR}"]'
    first = '[[environment]]\nname = "local"'
    workspace.edit("rollout.toml", first, f"[release.authors]\n{authors}\n\n{first}")
    made = Gate(workspace, {APPROVER: workspace.root / "home/.ssh/id_ed25519"})
    for name in (SECOND, AUTHOR, REQUESTER):
        made.person(name, 'namespaces="wish-rollout"')
    made.person(STRANGER, known=False)
    return made


def now() -> datetime:
    """Return the current time, with the precision of a request."""
    return datetime.now(UTC).replace(microsecond=0)
