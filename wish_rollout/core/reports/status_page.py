"""The state of all environments as a page of HTML, and as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.reports.html import definitions, element, page

if TYPE_CHECKING:
    from xml.etree import ElementTree as ET

    from wish_rollout.core.reports.status_report import EnvironmentReport, StatusReport, WaitingRequest

STATES = {
    Verdict.IN_STEP: ("ok", "in step: the schema is the one of the release"),
    Verdict.BEHIND: ("warn", "behind: revisions are pending"),
    Verdict.AHEAD: ("bad", "ahead: the schema is that of a later revision than the version table names"),
    Verdict.DRIFTED: ("bad", "drifted: the schema is not the one of its revision"),
    Verdict.FOREIGN: ("bad", "foreign: the release does not contain its revision"),
    Verdict.UNREACHABLE: ("bad", "unreachable: the server does not answer"),
    Verdict.LOCKED: ("bad", "locked: another session locks a table"),
}
"""Verdict → class of the section, and what it means."""
UNKNOWN = "not recorded"


def status_page(report: StatusReport) -> str:
    """Return the report as one file: no script, nothing loaded from elsewhere, light and dark."""
    title = f"Schemas of {report.project}"
    notes = [element("p", f"Requests are not shown: {report.dagster_error}")] if report.dagster_error else []
    return page(
        title,
        element("h1", title),
        element("p", f"The release leads to revision {report.head}."),
        *notes,
        *(_section(each) for each in report.environments),
        element("footer", f"Read at {report.at} by wish-rollout report."),
    )


def _section(each: EnvironmentReport) -> ET.Element:
    kind, meaning = STATES[Verdict(each.verdict)]
    kind = "warn" if kind == "ok" and each.waiting else kind
    rows = (
        ("revision", each.revision),
        ("since", each.since or UNKNOWN),
        ("pending", ", ".join(each.pending)),
        ("differs since", (each.drift_since or UNKNOWN) if each.drift else ""),
        ("unmanaged", ", ".join(each.unmanaged)),
        ("server", f"PostgreSQL {each.server}" if each.server else ""),
        ("fingerprint", each.fingerprint[:16]),
        ("error", each.error),
    )
    parts = [
        element("h2", each.environment + (" (gated)" if each.gated else "")),
        element("p", meaning, cls="state"),
        definitions(rows),
    ]
    if each.drift:
        parts.append(element("pre", "\n".join(each.drift)))
        parts.append(
            element("p", "To undo it: ", element("code", f"wish-rollout drift {each.environment} --sql"))
        )
    return element("section", *parts, *(_waiting(request) for request in each.waiting), cls=kind)


def _waiting(request: WaitingRequest) -> ET.Element:
    rows = (
        ("waits for", f"{request.act} {request.start} → {request.end}"),
        ("approvals", request.approvals),
        ("requested", f"{request.requested} by {request.requester or 'an unknown person'}"),
        ("expires", request.expires),
        ("what to do", request.what_to_do),
    )
    return element("div", element("p", "Waits for an approval", cls="state"), definitions(rows))
