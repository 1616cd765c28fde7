"""JUnit XML, in the form that the usual readers of test reports accept: a suite with a case for each check."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wish_rollout.core.reports.release_report import findings_of

if TYPE_CHECKING:
    from wish_rollout.core.reports.release_report import ReleaseCheck, ReleaseFinding, ReleaseReport

INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no character of XML 1.0 (section 2.2), and cannot be written as a reference either."""


def junit_text(report: ReleaseReport) -> str:
    """Return the checks as one test suite. Findings of a passed check are its output."""
    failures = sum(not check.passed for check in report.checks)
    counts = {"tests": str(len(report.checks)), "failures": str(failures), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", {"name": "wish-rollout", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": "wish-rollout check", **counts})
    for check in report.checks:
        _add_case(suite, check)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _add_case(suite: ET.Element, check: ReleaseCheck) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": "wish-rollout", "name": valid_xml(check.name)})
    places = [_place(finding) for finding in findings_of(check)]
    if not check.passed:
        failure = ET.SubElement(case, "failure", {"message": valid_xml(check.detail)})
        failure.text = valid_xml("\n".join(places))
    elif places:
        ET.SubElement(case, "system-out").text = valid_xml("\n".join(places))


def _place(finding: ReleaseFinding) -> str:
    place = f"{finding.path}:{finding.line or 1}: " if finding.path else ""
    return f"{place}{finding.rule}: {finding.message}"


def valid_xml(text: str) -> str:
    """Return a text in which what XML cannot contain is an escape."""
    return INVALID.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
