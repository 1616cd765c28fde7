"""Workflow commands of GitHub Actions, which the code host shows as annotations of a pull request.

Source: GitHub's documentation, "Workflow commands for GitHub Actions", and the escaping of the package @actions/core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from wish_rollout.core.reports.release_report import ReleaseFinding, ReleaseReport


def github_text(report: ReleaseReport) -> str:
    """Return a workflow command for each finding, then a line for each check."""
    commands = [_command(finding) for finding in report.findings]
    lines = [
        f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {_inert(check.detail)}"
        for check in report.checks
    ]
    return "\n".join([*commands, *lines]) + "\n"


def _command(finding: ReleaseFinding) -> str:
    place = {"file": finding.path, "line": str(finding.line or 1)} if finding.path else {}
    properties = {**place, "title": f"wish-rollout: {finding.rule}"}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{finding.level} {listed}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _inert(text: str) -> str:
    """Return a text in one line that the runner does not read as a command of the older form ``##[name]``."""
    return escape_to_one_line(text).replace("##[", "# #[")
