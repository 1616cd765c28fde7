"""The values and the files of evidence, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.core.reports.test_status_page import ALLOWED, HOSTILE, Page
from wish_rollout.core.ledger import Act, next_entry
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.reports.evidence import EnvironmentEvidence, Evidence, EvidenceApproval, EvidenceRow
from wish_rollout.core.reports.evidence_files import evidence_files
from wish_rollout.core.reports.evidence_revisions import EvidenceHazard, EvidenceRevision
from wish_rollout.core.reports.evidence_timeline import lineage, timeline, wait_for_approval

ACT = Act(
    "upgrade",
    HOSTILE,
    "run",
    "r" * 64,
    "p" * 64,
    "base",
    "1",
    "b",
    "a",
    5,
    "n",
    {"approvals": [], "x": HOSTILE},
)
ROW = EvidenceRow(
    next_entry(replace(ACT, who="ada@example.org", detail={}), "2026-01-01T00:00:00.000000Z", None),
    (HOSTILE, "+ table t"),
    (EvidenceApproval(HOSTILE, HOSTILE, HOSTILE, "t", "k"),),
    (Check("columns", True, HOSTILE), Check("exact_delta", True, "as promised")),
)
HAZARDS = (
    EvidenceHazard("index-without-concurrently", HOSTILE, 7, ""),
    EvidenceHazard("drop-column", "lost", 0, f"agreed {HOSTILE}"),
)
REVISION = EvidenceRevision(
    "1", HOSTILE, "versions/1.py", "s", "d", 18, 3, 2, "", (f"line 7: {HOSTILE}",), HAZARDS
)
EVIDENCE = Evidence("shop", "r" * 64, (EnvironmentEvidence("prod", (ROW,)),), (REVISION,))


def test_json_gives_the_same_evidence_and_the_same_bytes() -> None:
    again = Evidence.from_json(EVIDENCE.to_json())
    assert again == EVIDENCE
    assert evidence_files(again) == evidence_files(EVIDENCE)


def test_files_show_hostile_values_as_text() -> None:
    files = evidence_files(EVIDENCE)
    page = files["index.html"].decode()
    shown = Page(page)
    assert set(shown.elements) <= ALLOWED
    assert "".join(shown.texts).count("<script>alert(1)</script>") >= 8
    assert "<script>" not in files["evidence.md"].decode().partition("```")[0]
    assert set(files) == {
        "evidence.json", "index.html", "evidence.md", "junit.xml", "findings.sarif", "SHA256SUMS",
        "ledger-prod-1.json", "delta-prod-1.diff", "approval-prod-1-1.txt",
    }  # fmt: skip


def test_changed_row_is_not_intact() -> None:
    changed = replace(ROW, entry=replace(ROW.entry, act=replace(ROW.entry.act, milliseconds=1)))
    evidence = replace(EVIDENCE, environments=(EnvironmentEvidence("prod", (changed,)),))
    assert (ROW.is_intact, changed.is_intact) == (True, False)
    assert 'failures="1"' in evidence_files(evidence)["junit.xml"].decode()
    assert '<section class="bad">' in evidence_files(evidence)["index.html"].decode()


def test_sarif_names_file_and_line_of_each_hazard_and_of_failed_checks() -> None:
    failed = replace(ROW, checks=(Check("exact_delta", False, "another schema"),))
    evidence = replace(EVIDENCE, environments=(EnvironmentEvidence("prod", (failed,)),))
    (run,) = json.loads(evidence_files(evidence)["findings.sarif"])["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    found = [
        (each["ruleId"], each["level"], place["artifactLocation"]["uri"], place["region"]["startLine"])
        for each, place in zip(run["results"], places, strict=True)
    ]
    assert found == [
        ("exact_delta", "error", "versions/1.py", 1),
        ("index-without-concurrently", "warning", "versions/1.py", 7),
        ("drop-column", "warning", "versions/1.py", 1),
    ]
    assert [len(each.get("suppressions", ())) for each in run["results"]] == [0, 0, 1]


def test_rehearsal_says_whether_a_rollback_is_proved() -> None:
    assert "downgrade with 2 statements to exactly the schema before" in REVISION.rehearsal
    assert replace(REVISION, irreversible="its rows").rehearsal == "cannot be reverted: its rows"
    assert replace(REVISION, record="").rehearsal == "not recorded"


def test_timeline_is_in_order_of_time_and_tells_how_long_an_approval_took() -> None:
    approval = replace(ROW.approvals[0], requested="2026-01-01T00:00:00Z")
    entry = next_entry(replace(ROW.entry.act, milliseconds=500), "2026-01-01T00:10:00.500000Z", None)
    row = replace(ROW, entry=entry, approvals=(approval,))
    other = replace(ROW, approvals=(), entry=next_entry(ROW.entry.act, "2025-12-31T23:59:59.9Z", None))
    rows = (EnvironmentEvidence("local", (other,)), EnvironmentEvidence("prod", (row,)))
    evidence = replace(EVIDENCE, environments=rows)
    assert [text.partition(":")[0] for _, text in timeline(evidence)] == ["local", "prod", "prod"]
    assert [name for name, _ in lineage(evidence)] == ["release/plan", "schema/local", "schema/prod"]
    assert (wait_for_approval(row), wait_for_approval(other), wait_for_approval(ROW)) == ("0:10:00", "", "")


def edited(*path: str | int, value: Any) -> str:
    document = json.loads(EVIDENCE.to_json())
    at = document
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        edited("format", value=1),
        edited("revisions", value=[{"revision": "1"}]),
        edited("environments", 0, "environment", value="../../prod"),
        edited("environments", 0, "environment", value=7),
        edited("environments", 0, "rows", 0, "entry", value=None),
        edited("environments", 0, "rows", 0, "entry", "act", value={"act": "x"}),
        edited("environments", 0, "rows", 0, "checks", value=[{"name": "x", "more": 1}]),
    ],
)
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Evidence.from_json(text)
