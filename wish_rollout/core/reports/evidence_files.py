"""The files of a release's evidence: HTML, Markdown, JUnit XML, JSON, deltas, approvals, and their hashes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from wish_rollout.core.reports.html import definitions, element, page
from wish_rollout.core.reports.junit import junit_text
from wish_rollout.core.reports.markdown import escape_cell, fence_for
from wish_rollout.core.reports.release_report import ReleaseCheck, ReleaseReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree import ElementTree as ET

    from wish_rollout.core.reports.evidence import Evidence, EvidenceRow

EVIDENCE, SUMS = "evidence.json", "SHA256SUMS"
NOT_RECORDED = "not recorded"


def evidence_files(evidence: Evidence) -> dict[str, bytes]:
    """Return the content of each file by its name. ``SHA256SUMS`` can be read by sha256sum(1)."""
    texts = {
        EVIDENCE: evidence.to_json(),
        "index.html": _page(evidence),
        "evidence.md": _markdown(evidence),
        "junit.xml": junit_text(ReleaseReport(tuple(checks_of(evidence)))),
    }
    for environment, row in evidence.rows():
        name = f"{environment}-{row.entry.seq}"
        texts[f"ledger-{name}.json"] = _json(row)
        if row.delta is not None:
            texts[f"delta-{name}.diff"] = "".join(f"{line}\n" for line in row.delta)
        for number, approval in enumerate(row.approvals, 1):
            texts[f"approval-{name}-{number}.txt"] = approval.document
    files = {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())]
    return {**files, SUMS: "".join(sums).encode()}


def checks_of(evidence: Evidence) -> Iterator[ReleaseCheck]:
    """Yield the hash and the verification of each row as checks."""
    for environment, row in evidence.rows():
        title = f"{environment} row {row.entry.seq}"
        yield ReleaseCheck(f"{title}: hash", row.is_intact, row.entry.hash)
        for check in row.checks:
            yield ReleaseCheck(f"{title}: {check.name}", check.passed, check.detail)


def _json(row: EvidenceRow) -> str:
    import json

    return json.dumps(row.entry.as_dict(), indent=2, sort_keys=True) + "\n"


def _values(row: EvidenceRow) -> list[tuple[str, str]]:
    """Return what a reader sees of a row, as names and values."""
    entry, act = row.entry, row.entry.act
    failed = ", ".join(check.name for check in row.checks if not check.passed)
    verified = f"{len(row.checks)} checks, {f'failed: {failed}' if failed else 'all passed'}"
    return [
        ("act", act.act),
        ("revisions", f"{act.start} → {act.end}"),
        ("at", entry.at),
        ("took", f"{act.milliseconds} ms"),
        ("requested by", act.who),
        *(
            (f"approved by {each.approver}", f"{each.reason} (requested {each.requested}, key {each.key})")
            for each in row.approvals
        ),
        ("break glass", str(act.detail.get("BREAK GLASS", ""))),
        ("schema before", act.before),
        ("schema after", act.after),
        ("verified", verified if row.checks else NOT_RECORDED),
        ("plan", act.plan),
        ("Dagster run", act.run),
        ("ledger row", f"{entry.seq} {entry.hash}"),
    ]


def _title(evidence: Evidence) -> str:
    return f"Evidence of a release of {evidence.project}" if evidence.project else "Evidence of a release"


def _page(evidence: Evidence) -> str:
    sections = (_section(environment, row) for environment, row in evidence.rows())
    title = _title(evidence)
    release = element("p", "Release ", element("code", evidence.release))
    check = element("code", "wish-rollout evidence --verify FOLDER")
    footer = element("footer", "Compare this folder with the ledgers: ", check)
    return page(title, element("h1", title), release, *sections, footer)


def _section(environment: str, row: EvidenceRow) -> ET.Element:
    is_verified = row.is_intact and all(check.passed for check in row.checks)
    parts = [
        element("h2", f"{environment}: {row.entry.act.act}"),
        definitions(_values(row)),
        element("pre", "\n".join(row.delta) if row.delta is not None else f"delta: {NOT_RECORDED}"),
        definitions(
            (f"{'passed' if each.passed else 'failed'}: {each.name}", each.detail) for each in row.checks
        ),
        *(element("pre", approval.document) for approval in row.approvals),
    ]
    return element(
        "section", *parts, cls="ok" if is_verified and row.checks else "warn" if is_verified else "bad"
    )


def _markdown(evidence: Evidence) -> str:
    parts = [
        f"# {escape_cell(_title(evidence))}\n",
        f"Release `{evidence.release}`\n",
    ]
    for environment, row in evidence.rows():
        parts.append(f"## {escape_cell(environment)}: {escape_cell(row.entry.act.act)}\n")
        values = [f"| {escape_cell(name)} | {escape_cell(text)} |" for name, text in _values(row) if text]
        parts.append("\n".join(["| | |", "|---|---|", *values, ""]))
        for language, text in (
            ("diff", "\n".join(row.delta or ())),
            *(("text", each.document) for each in row.approvals),
        ):
            fence = fence_for(text)
            parts.append(f"{fence}{language}\n{text.rstrip()}\n{fence}\n" if text else "")
    return "\n".join(part for part in parts if part)
