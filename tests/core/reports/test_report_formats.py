"""The formats of a release report: what each format requires, and hostile texts in it."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import markdown  # type: ignore[import-untyped]
import pytest

from wish_rollout.core.reports import FORMATS, github_text, gitlab_text, junit_text, markdown_text, sarif_text
from wish_rollout.core.reports.markdown import MARKER, MOST_CHARACTERS
from wish_rollout.core.reports.release_report import (
    ReleaseCheck,
    ReleaseFinding,
    ReleaseReport,
    RevisionChange,
)
from wish_rollout.core.schema.change import Change
from wish_rollout.core.schema.delta import Delta

HOSTILE = (
    "x %0A\r\n::set-output name=a::b\n##[add-mask]secret | `code` ``` <script>alert(1)</script> ]]> & \x00\x1b[31m"
    " @everyone [link](http://evil.example) \ud800 </details> --> 100%, a:b"
)
PATH = "db/versions/0008_a b,c:d%.py"
FAILED = ReleaseCheck(
    "round trip", False, HOSTILE, (ReleaseFinding("round trip", "error", HOSTILE, PATH, 7, "0008"),)
)
PASSED = ReleaseCheck(
    "hazards", True, "found", (ReleaseFinding("table-rewrite", "warning", "a rewrite", PATH, 3, "0008"),)
)
WITHOUT_PLACE = ReleaseCheck("models", False, "they differ")
REPORT = ReleaseReport(
    (ReleaseCheck("one head", True, "0008"), FAILED, PASSED, WITHOUT_PLACE),
    (RevisionChange("0008", HOSTILE, PATH, (f"COMMENT ON TABLE t IS '{HOSTILE}'",)),),
    Delta((Change("table", f"public.{HOSTILE}", "added", {}),)),
)
EMPTY = ReleaseReport((ReleaseCheck("one head", True, "0008"),), (), Delta(()))


def test_findings_are_those_of_the_checks_and_failures_without_any() -> None:
    found = [(each.rule, each.level, each.line) for each in REPORT.findings]
    assert found == [("round trip", "error", 7), ("table-rewrite", "warning", 3), ("models", "error", 0)]
    assert (REPORT.passed, EMPTY.passed) == (False, True)


def test_github_commands_have_file_and_line_and_hostile_text_begins_no_other_command() -> None:
    lines = re.split(r"\r\n|\r|\n", github_text(REPORT).removesuffix("\n"))
    commands = [line for line in lines if line.startswith("::")]
    file = "file=db/versions/0008_a b%2Cc%3Ad%25.py"
    assert [line.split("::")[1] for line in commands] == [
        f"error {file},line=7,title=wish-rollout%3A round trip",
        f"warning {file},line=3,title=wish-rollout%3A table-rewrite",
        "error title=wish-rollout%3A models",
    ]
    assert commands[0].split("::", 2)[2].startswith("x %250A%0D%0A::set-output")
    assert len(lines) == len(commands) + len(REPORT.checks)
    assert not [line for line in lines if "##[" in line and not line.startswith("::")]


def test_gitlab_findings_have_the_required_fields_and_stable_fingerprints() -> None:
    found: list[dict[str, Any]] = json.loads(gitlab_text(REPORT))
    for each in found:
        assert each.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
        assert each["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert each["location"]["lines"]["begin"] >= 1
        assert each["location"]["path"]
    assert len({each["fingerprint"] for each in found}) == len(found)
    assert gitlab_text(REPORT) == gitlab_text(REPORT)


def test_sarif_has_the_required_properties() -> None:
    """SARIF 2.1.0, sections 3.13 (log), 3.14 (run), 3.19 (component), 3.27 (result), 3.11 (message), 3.30 (region)."""
    log = json.loads(sarif_text(REPORT))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "wish-rollout"
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        for location in result.get("locations", []):
            physical = location["physicalLocation"]
            assert physical["artifactLocation"]["uri"] == "db/versions/0008_a%20b%2Cc%3Ad%25.py"
            assert physical["region"]["startLine"] >= 1
    assert [len(result.get("locations", [])) for result in run["results"]] == [1, 1, 0]


def test_junit_counts_agree_and_each_text_is_valid_xml() -> None:
    suites = ET.fromstring(junit_text(REPORT).encode("utf-8"))
    (suite,) = suites
    cases = list(suite)
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("4", "2")
    assert [case.attrib["name"] for case in cases] == ["one head", "round trip", "hazards", "models"]
    failure = cases[1].find("failure")
    assert failure is not None
    assert "\\x00" in failure.attrib["message"]
    assert (failure.text or "").startswith(f"{PATH}:7: round trip: x %0A")
    assert f"{PATH}:3: table-rewrite" in (cases[2].findtext("system-out") or "")


def test_markdown_shows_hostile_text_as_text() -> None:
    text = markdown_text(REPORT)
    assert text.startswith(f"{MARKER}\n")
    page = markdown.markdown(text, extensions=["tables", "fenced_code"])
    outside = re.sub(r"<code.*?</code>", "", page, flags=re.DOTALL)
    assert "<script" not in page
    assert "<a " not in page
    assert "@everyone" not in html.unescape(outside)
    assert page.count("<details>") == page.count("</details>") == 1
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in rows} == {4}
    assert "Schema rollout: failed" in text


def test_markdown_that_is_too_long_for_a_comment_is_cut_between_parts() -> None:
    long = tuple(RevisionChange(f"{n:04}", "m", PATH, ("SELECT 1;" * 900,)) for n in range(20))
    text = markdown_text(ReleaseReport(EMPTY.checks, long, EMPTY.delta))
    assert MOST_CHARACTERS * 0.8 < len(text) < 65_536
    assert text.count("<details>") == text.count("</details>")
    assert "The rest is too long for a comment" in text


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_without_findings_can_be_written(name: str) -> None:
    text = FORMATS[name](EMPTY)
    assert text.endswith("\n")
    assert "error" not in text.replace('errors="0"', "")
