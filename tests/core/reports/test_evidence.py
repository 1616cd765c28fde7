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
EVIDENCE = Evidence("shop", "r" * 64, (EnvironmentEvidence("prod", (ROW,)),))


def test_json_gives_the_same_evidence_and_the_same_bytes() -> None:
    again = Evidence.from_json(EVIDENCE.to_json())
    assert again == EVIDENCE
    assert evidence_files(again) == evidence_files(EVIDENCE)


def test_files_show_hostile_values_as_text() -> None:
    files = evidence_files(EVIDENCE)
    page = files["index.html"].decode()
    shown = Page(page)
    assert set(shown.elements) <= ALLOWED
    assert "".join(shown.texts).count("<script>alert(1)</script>") >= 4
    assert "<script>" not in files["evidence.md"].decode().partition("```")[0]
    assert set(files) == {
        "evidence.json", "index.html", "evidence.md", "junit.xml", "SHA256SUMS",
        "ledger-prod-1.json", "delta-prod-1.diff", "approval-prod-1-1.txt",
    }  # fmt: skip


def test_changed_row_is_not_intact() -> None:
    changed = replace(ROW, entry=replace(ROW.entry, act=replace(ROW.entry.act, milliseconds=1)))
    evidence = replace(EVIDENCE, environments=(EnvironmentEvidence("prod", (changed,)),))
    assert (ROW.is_intact, changed.is_intact) == (True, False)
    assert 'failures="1"' in evidence_files(evidence)["junit.xml"].decode()
    assert '<section class="bad">' in evidence_files(evidence)["index.html"].decode()


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
        edited("format", value=2),
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
