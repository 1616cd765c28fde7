"""The Code Quality report of GitLab, which merge requests show beside the changed lines.

Source: GitLab's documentation, "Code Quality", section "Import Code Quality results from a CI/CD job".
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wish_rollout.core.reports.release_report import ReleaseFinding, ReleaseReport

SEVERITIES = {"error": "blocker", "warning": "major"}
WITHOUT_FILE = "rollout.toml"
"""Each finding of this format needs a file."""


def gitlab_text(report: ReleaseReport) -> str:
    """Return the findings as a JSON array. Equal findings have equal fingerprints in each run."""
    return json.dumps([_finding(each) for each in report.findings], indent=2, ensure_ascii=False) + "\n"


def _finding(finding: ReleaseFinding) -> dict[str, Any]:
    path = finding.path or WITHOUT_FILE
    identity = "\0".join((finding.rule, path, finding.revision, finding.message))
    return {
        "description": finding.message,
        "check_name": finding.rule,
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest(),
        "severity": SEVERITIES[finding.level],
        "location": {"path": path, "lines": {"begin": finding.line or 1}},
    }
