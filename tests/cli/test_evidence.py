"""The command `evidence`: the same inputs give the same bytes, and each change of a folder is found."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wish_rollout.core.ledger import next_entry
from wish_rollout.core.reports.evidence import EnvironmentEvidence, Evidence, EvidenceRow
from wish_rollout.core.reports.evidence_files import evidence_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fix_project import Workspace

LATER = """revision = "0008"
down_revision = "0007"
irreversible = "the notes are lost"
allow_hazards = {"drop-column": "nothing reads it"}


def upgrade() -> None:
    from alembic import op

    op.execute("create index by_title on wishlist_items (title)")
    op.execute("alter table wishlist_items drop notes")


def downgrade() -> None:
    pass
"""
DOCUMENTS = {"evidence.json", "index.html", "evidence.md", "junit.xml", "findings.sarif", "SHA256SUMS"}


def contents(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def failures(workspace: Workspace, folder: Path) -> list[str]:
    result = workspace.cli("evidence", "--verify", str(folder), "--json")
    failed = [each["name"] for each in json.loads(result.out) if not each["passed"]]
    assert result.code == (5 if failed else 0), result
    return failed


def test_evidence_of_a_release_is_written_and_verified(workspace: Workspace) -> None:
    workspace.roll_out()
    first, second = workspace.root / "first", workspace.root / "second"
    for folder in (first, second, first):
        result = workspace.cli("evidence", "--out", str(folder))
        assert result.code == 0, result
    assert "unchanged" in result.err
    assert contents(first) == contents(second)
    assert contents(first).keys() - DOCUMENTS == {
        "ledger-local-1.json", "delta-local-1.diff", "ledger-staging-1.json", "delta-staging-1.diff",
        "ledger-prod-1.json", "delta-prod-1.diff", "approval-prod-1-1.txt",
        "plan-prod-1.md",
    }  # fmt: skip
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=first, check=True)
    suite = ET.fromstring((first / "junit.xml").read_bytes())[0]
    assert {case.attrib["name"] for case in suite} >= {"prod row 1: hash", "prod row 1: exact_delta"}
    assert suite.attrib["failures"] == "0"
    page = (first / "index.html").read_text()
    for text in (
        "approver@example.org",
        "agreed",
        "table public.wishlist_items",
        "base → 0007",
        "all passed",
        "prod: approval requested by",
        "upgrade with 8 statements, downgrade with 8 statements to exactly the schema before",
    ):
        assert text in page
    assert failures(workspace, first) == []
    prove_changes_are_found(workspace, first)

    (first / "more.txt").touch()
    assert "--out FOLDER" in workspace.expect_error(2, "evidence", "--out", str(first))
    release = json.loads((second / "evidence.json").read_text())["release"]
    again = workspace.cli("evidence", release[:10], "--out", str(second), "--json")
    assert json.loads(again.out)["rows"] == {"local": 1, "staging": 1, "prod": 1}
    workspace.set_url("prod", workspace.add("canary"))
    assert failures(workspace, second) == ["prod: ledger"]


def prove_changes_are_found(workspace: Workspace, folder: Path) -> None:
    """Change the folder in several ways; each must be found, also if all files are made to agree."""
    original = contents(folder)
    evidence = Evidence.from_json(original["evidence.json"].decode())

    def of_prod(change: Callable[[EvidenceRow], EvidenceRow]) -> dict[str, bytes]:
        *others, prod = evidence.environments
        changed = EnvironmentEvidence("prod", tuple(change(row) for row in prod.rows))
        return evidence_files(replace(evidence, environments=(*others, changed)))

    def other_person(row: EvidenceRow) -> EvidenceRow:
        return replace(row, entry=next_entry(replace(row.entry.act, who="nobody"), row.entry.at, None))

    def other_time(row: EvidenceRow) -> EvidenceRow:
        return replace(row, entry=replace(row.entry, at="2020-01-01T00:00:00.000000Z"))

    def other_reason(row: EvidenceRow) -> EvidenceRow:
        (given,) = row.approvals
        return replace(
            row,
            approvals=(replace(given, document=given.document.replace("reason: agreed", "reason: urgent")),),
        )

    for files, found in (
        ({**original, "evidence.md": b"x"}, ["files"]),
        ({**original, "more.txt": b"x"}, ["files"]),
        (of_prod(other_person), ["prod: ledger"]),
        (of_prod(other_time), ["prod: hashes", "prod: ledger"]),
        (of_prod(other_reason), ["prod: approvals of row 1"]),
        (of_prod(lambda row: replace(row, approvals=())), ["prod: approvals of row 1"]),
        (original, []),
    ):
        for each in folder.iterdir():
            each.unlink()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        assert failures(workspace, folder) == found


def test_evidence_names_the_lines_of_hazards_and_why_a_revision_cannot_be_reverted(
    workspace: Workspace,
) -> None:
    script = workspace.root / "migrations/versions/0008_later.py"
    script.write_text(LATER)
    assert workspace.cli("generate", "--record").code == 0
    assert workspace.cli("apply", "--until", "local").code == 0
    folder = workspace.root / "evidence"
    assert workspace.cli("evidence", "--out", str(folder)).code == 0
    (run,) = json.loads((folder / "findings.sarif").read_text())["runs"]
    found = {
        each["ruleId"]: (
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["locations"][0]["physicalLocation"]["region"]["startLine"],
            [reason["justification"] for reason in each.get("suppressions", ())],
        )
        for each in run["results"]
    }
    path = "migrations/versions/0008_later.py"
    assert found == {
        "index-without-concurrently": (path, 10, []),
        "drop-column": (path, 11, ["nothing reads it"]),
    }
    page = (folder / "index.html").read_text()
    assert "cannot be reverted: the notes are lost" in page
    assert "line 10: public.wishlist_items (SHARE" in page
    assert failures(workspace, folder) == []

    script.write_text(LATER.replace("by_title", "by_name"))
    assert failures(workspace, folder) == ["revisions"]


def test_what_is_no_evidence_is_refused(workspace: Workspace) -> None:
    workspace.migrate("local")
    for name in ("staging", "prod"):
        assert workspace.revision(name) is None
    folder = workspace.root / "folder"
    message = workspace.expect_error(2, "evidence", "f00d", "--out", str(folder))
    assert "There is no evidence of the release f00d" in message
    assert "cannot be read" in workspace.expect_error(2, "evidence", "--verify", str(folder))
    folder.mkdir()
    assert "has no evidence.json" in workspace.expect_error(2, "evidence", "--verify", str(folder))
    (folder / "evidence.json").write_text("{")
    assert "cannot be read" in workspace.expect_error(2, "evidence", "--verify", str(folder))
    missing = workspace.root / "nowhere" / "folder"
    assert "is not written" in workspace.expect_error(2, "evidence", "--out", str(missing))
    for options in ((), ("--out", "a", "--verify", "a")):
        assert workspace.cli("evidence", *options).code == 2
