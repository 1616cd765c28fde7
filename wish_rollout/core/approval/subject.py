"""The subject of an approval: everything that a signature covers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from wish_rollout.core.approval.code_line import changed_files, describe_code
from wish_rollout.core.release.release import format_position
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from wish_rollout.core.plan.plan import EnvironmentPlan

NONE = "none"
"""The text of an empty list in a document."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The change of a database that is approved. If a field changes, an approval is no longer valid.

    ``database``: its name, and its cluster's. ``schema``: the live fingerprint. ``policy``: the digest of the
    policy. ``authors``: the authors of the code. ``hazards``: names of hazards, of findings in rows, and of revisions
    whose statements are not compared. ``code``: the files that env.py and the revisions use, with short hashes.
    """

    environment: str
    database: str
    act: str
    start: str
    end: str
    release: str
    plan: str
    schema: str
    hazards: tuple[str, ...]
    server: str
    policy: str
    authors: tuple[str, ...]
    code: str = NONE


def build_subject(plan: EnvironmentPlan, policy: str, authors: tuple[str, ...]) -> Subject:
    """Return the subject of a plan under a policy, which is given by its digest."""
    hazards = [hazard.name for hazard in plan.hazards]
    hazards += [finding.name for finding in plan.findings if finding.rows]
    hazards += [f"data-dependent {name}" for name in plan.data_dependent]
    hazards += [f"driver-statements {name}" for name in plan.driver_statements]
    return Subject(
        environment=plan.environment,
        database=escape_to_one_line(plan.facts.database_identity),
        act=plan.action.value,
        start=format_position(plan.start),
        end=format_position(plan.end),
        release=plan.release_digest,
        plan=plan.digest,
        schema=plan.fingerprint,
        hazards=tuple(map(escape_to_one_line, hazards)),
        server=plan.facts.version,
        policy=policy,
        authors=tuple(map(escape_to_one_line, authors)),
        code=escape_to_one_line(describe_code(plan.code)),
    )


def subject_differences(approved: Subject, current: Subject) -> dict[str, tuple[str, str]]:
    """Return the fields that differ, each with the approved and the current value.

    The plan's digest covers the other fields, so it is returned only if no other field differs.
    """
    found = {
        field_label(field.name): (before, after)
        for field in fields(Subject)
        if (before := field_value(approved, field.name)) != (after := field_value(current, field.name))
    }
    if "code" in found:
        found = {"code": changed_files(*found["code"])} | {
            name: pair for name, pair in found.items() if name not in ("code", "release")
        }
    return {name: pair for name, pair in found.items() if name != "plan"} or found


def field_value(subject: Subject, name: str) -> str:
    """Return a field as a document has it: a list is joined by commas."""
    value: str | tuple[str, ...] = getattr(subject, name)
    return value if isinstance(value, str) else ", ".join(value) or NONE


def field_label(name: str) -> str:
    """Return the label that a field has in a document."""
    return {"start": "from", "end": "to"}.get(name, name)
