"""The files of a release's evidence: HTML, Markdown, JUnit XML, SARIF, JSON, deltas, plans, approvals, and their hashes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from wish_rollout.core.reports.evidence_timeline import lineage, timeline, wait_for_approval
from wish_rollout.core.reports.html import definitions, element, page
from wish_rollout.core.reports.junit import junit_text
from wish_rollout.core.reports.markdown import escape_cell, fence_for
from wish_rollout.core.reports.release_report import ReleaseCheck, ReleaseFinding, ReleaseReport
from wish_rollout.core.reports.sarif import sarif_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from xml.etree import ElementTree as ET

    from wish_rollout.core.reports.evidence import Evidence, EvidenceRow
    from wish_rollout.core.reports.evidence_revisions import EvidenceRevision

EVIDENCE, SUMS = "evidence.json", "SHA256SUMS"
NOT_RECORDED = "not recorded"


def evidence_files(evidence: Evidence) -> dict[str, bytes]:
    """Return the content of each file by its name. ``SHA256SUMS`` can be read by sha256sum(1)."""
    texts = {
        EVIDENCE: evidence.to_json(),
        "index.html": _page(evidence),
        "evidence.md": _markdown(evidence),
        "junit.xml": junit_text(ReleaseReport(tuple(checks_of(evidence)))),
        "findings.sarif": sarif_text(ReleaseReport((_findings(evidence),))),
    }
    for environment, row in evidence.rows():
        name = f"{environment}-{row.entry.seq}"
        texts[f"ledger-{name}.json"] = _json(row)
        if row.delta is not None:
            texts[f"delta-{name}.diff"] = "".join(f"{line}\n" for line in row.delta)
        if row.plan:
            texts[f"plan-{name}.md"] = row.plan
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


def _findings(evidence: Evidence) -> ReleaseCheck:
    """Return the hazards of the revisions, and the failed checks of the rows, with file and line."""
    paths = {each.revision: each.path for each in evidence.revisions}
    failed = [
        ReleaseFinding(
            check.name, "error", f"{environment}: {check.detail}", paths.get(row.entry.act.end, "")
        )
        for environment, row in evidence.rows()
        for check in row.checks
        if not check.passed
    ]
    hazards = [finding for revision in evidence.revisions for finding in revision.findings()]
    return ReleaseCheck("release", passed=not failed, detail="", findings=(*failed, *hazards))


def _json(row: EvidenceRow) -> str:
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
        ("waited for approval", wait_for_approval(row)),
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
    overview = [
        element("section", element("h2", name), definitions(pairs))
        for name, pairs in (("Timeline", timeline(evidence)), ("Lineage", lineage(evidence)))
    ]
    revisions = map(_revision_section, evidence.revisions)
    return page(title, element("h1", title), release, *overview, *sections, *revisions, footer)


def _revision_section(revision: EvidenceRevision) -> ET.Element:
    return element(
        "section",
        element("h2", _revision_title(revision)),
        definitions(revision.values()),
        *([element("pre", "\n".join(revision.measured))] if revision.measured else []),
        cls="warn" if revision.irreversible or not revision.record else "ok",
    )


def _revision_title(revision: EvidenceRevision) -> str:
    return (
        f"Revision {revision.revision}: {revision.message}"
        if revision.message
        else f"Revision {revision.revision}"
    )


def _section(environment: str, row: EvidenceRow) -> ET.Element:
    is_verified = row.is_intact and all(check.passed for check in row.checks)
    parts = [
        element("h2", f"{environment}: {row.entry.act.act}"),
        definitions(_values(row)),
        element("pre", "\n".join(row.delta) if row.delta is not None else f"delta: {NOT_RECORDED}"),
        definitions(
            (f"{'passed' if each.passed else 'failed'}: {each.name}", each.detail) for each in row.checks
        ),
        *([element("pre", row.plan)] if row.plan else []),
        *(element("pre", approval.document) for approval in row.approvals),
    ]
    return element(
        "section", *parts, cls="ok" if is_verified and row.checks else "warn" if is_verified else "bad"
    )


def _markdown(evidence: Evidence) -> str:
    parts = [
        f"# {escape_cell(_title(evidence))}\n",
        f"Release `{evidence.release}`\n",
        f"## Timeline\n\n{_table(timeline(evidence))}",
        f"## Lineage\n\n{_table(lineage(evidence))}",
    ]
    for environment, row in evidence.rows():
        parts.append(f"## {escape_cell(environment)}: {escape_cell(row.entry.act.act)}\n")
        parts.append(_table(_values(row)))
        parts += [_block("diff", "\n".join(row.delta or ())), _block("markdown", row.plan)]
        parts += [_block("text", each.document) for each in row.approvals]
    for revision in evidence.revisions:
        parts.append(f"## {escape_cell(_revision_title(revision))}\n")
        parts += [_table(revision.values()), _block("text", "\n".join(revision.measured))]
    return "\n".join(part for part in parts if part)


def _table(pairs: Iterable[tuple[str, str]]) -> str:
    rows = [f"| {escape_cell(name)} | {escape_cell(text)} |" for name, text in pairs if text]
    return "\n".join(["| | |", "|---|---|", *rows, ""])


def _block(language: str, text: str) -> str:
    """Return a text as a fenced block; nothing for an empty text."""
    fence = fence_for(text)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n" if text else ""
