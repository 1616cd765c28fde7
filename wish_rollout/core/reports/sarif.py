"""SARIF 2.1.0, which code hosts show as findings of a code scan.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", chapter 3.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wish_rollout import __version__

if TYPE_CHECKING:
    from wish_rollout.core.reports.release_report import ReleaseFinding, ReleaseReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
VERSION = "2.1.0"
ROOT = "%SRCROOT%"
"""The name of the repository's folder; the code host knows where it is."""


def sarif_text(report: ReleaseReport) -> str:
    """Return the findings as one run of the tool."""
    findings = report.findings
    rules = sorted({finding.rule for finding in findings})
    driver = {
        "name": "wish-rollout",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": rule}} for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, rules.index(each.rule)) for each in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=2) + "\n"


def _result(finding: ReleaseFinding, rule: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.level,
        "message": {"text": finding.message},
    }
    if finding.path:
        artifact = {"uri": quote(finding.path), "uriBaseId": ROOT}
        place = {"artifactLocation": artifact, "region": {"startLine": finding.line or 1}}
        result["locations"] = [{"physicalLocation": place}]
    if finding.allowed:
        result["suppressions"] = [{"kind": "inSource", "justification": finding.allowed}]
    return result
