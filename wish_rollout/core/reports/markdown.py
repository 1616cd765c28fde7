"""Markdown for a comment of a pull request, or for the summary of a job."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from wish_rollout.core.schema.delta_rendering import render_markdown
from wish_rollout.core.text.redaction import escape_to_one_line, escape_unprintable
from wish_rollout.core.text.statement_display import display_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.reports.release_report import ReleaseFinding, ReleaseReport, RevisionChange

MARKER = "<!-- wish-rollout check -->"
"""The first line: a job finds its earlier comment by it, and replaces that."""
MOST_CHARACTERS = 60_000
"""A comment on GitHub may have 65,536."""
SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~@:-])")


def markdown_text(report: ReleaseReport) -> str:
    """Return the checks, the findings, the delta and the SQL, without the last parts if they are too long."""
    text, omitted = f"{MARKER}\n", False
    for part in _parts(report):
        if len(text) + len(part) > MOST_CHARACTERS:
            omitted = True
            continue
        text += f"{part}\n"
    return text + (
        "\nThe rest is too long for a comment: `wish-rollout check` shows it.\n" if omitted else ""
    )


def _parts(report: ReleaseReport) -> Iterator[str]:
    yield f"## Schema rollout: {'passed' if report.passed else 'failed'}\n"
    rows = [
        f"| {'✅' if check.passed else '❌'} | {escape_cell(check.name)} | {escape_cell(check.detail)} |"
        for check in report.checks
    ]
    yield "\n".join(["| | check | result |", "|---|---|---|", *rows, ""])
    if report.findings:
        yield "\n".join(["### Findings\n", *(_finding(each) for each in report.findings), ""])
    if report.delta is not None:
        yield f"### Schema changes\n\n{_quote_delta(render_markdown(report.delta))}"
    for revision in report.revisions:
        yield _revision(revision)


def _finding(finding: ReleaseFinding) -> str:
    place = f" at {escape_cell(finding.path)} line {finding.line or 1}" if finding.path else ""
    return f"- **{escape_cell(finding.rule)}**{place}: {escape_cell(finding.message)}"


def _revision(change: RevisionChange) -> str:
    sql = escape_unprintable("\n\n".join(display_statements(change.statements))) or "-- no statement"
    fence = fence_for(sql)
    title = escape_cell(f"{change.revision}: {change.message}")
    return f"<details><summary>SQL of {title}</summary>\n\n{fence}sql\n{sql}\n{fence}\n\n</details>\n"


def _quote_delta(text: str) -> str:
    """Return a rendered delta in a fence that no line of it can end."""
    summary, opened, body = text.partition("\n\n```diff\n")
    if not opened:
        return text
    body = body.removesuffix("```\n")
    fence = fence_for(body)
    return f"{summary}\n\n{fence}diff\n{body}{fence}\n"


def fence_for(text: str) -> str:
    """Return a fence that is longer than each run of backticks in a text (CommonMark 0.31, section 4.5)."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def escape_cell(text: str) -> str:
    """Return a text for a table's cell or a list: one line, with nothing that Markdown or HTML would interpret.

    Links are escaped as well. A word joiner (U+2060) follows each ``@``, so that a comment notifies nobody: code hosts
    search for names in the text after the character references are decoded.
    """
    plain = html.escape(escape_to_one_line(text.replace("\n", " ")), quote=False)
    return SPECIAL.sub(lambda found: f"&#{ord(found[1])};", plain).replace("&#64;", "&#64;&#8288;")
