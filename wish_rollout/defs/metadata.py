"""Metadata of the assets ``release/plan`` and ``schema/<env>``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.hazards.hazard import size
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.core.release.release import format_position
from wish_rollout.core.schema.delta_rendering import render_markdown
from wish_rollout.core.text.redaction import escape_to_one_line
from wish_rollout.core.text.statement_display import display_statements
from wish_rollout.defs.events.limits import limited_mapping, limited_names, markdown, sql_markdown
from wish_rollout.defs.events.schema import snapshot_metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.plan.release_plan import Plan
    from wish_rollout.core.rows.requirements import RowFinding
    from wish_rollout.rollout.execution.migration import Migrated
    from wish_rollout.rollout.execution.verification import Verification

Metadata = dict[str, Any]


def verification_metadata(verification: Verification, migrated: Mapping[str, Any] | None = None) -> Metadata:
    """Return the metadata of ``schema/<env>``, in the order in which Dagster shows it: what was done comes first.

    ``migrated``: the fields of the migration before the verification, if there was one.
    """
    state = verification.seen
    snapshot, facts = state.snapshot, state.facts
    see = f"wish-rollout snapshot {verification.environment}"
    metadata: Metadata = {"revision": format_position(facts.revisions)}
    if migrated:
        metadata |= migration_metadata(migrated, see)
    metadata["checks"] = checks_markdown(verification)
    if verification.unmanaged:
        metadata["unmanaged"] = limited_names(verification.unmanaged)
    metadata["rows"] = limited_mapping(verification.rows)
    if sum(rows or 0 for rows in verification.rows.values()):
        metadata["dagster/row_count"] = sum(rows or 0 for rows in verification.rows.values())
    return {
        **metadata,
        **snapshot_metadata(snapshot, changed_tables(migrated), see),
        "seconds to verify": round(verification.seconds, 3),
        "server version": facts.version,
        "fingerprint": snapshot.fingerprint,
    }


def migration_metadata(migrated: Mapping[str, Any], see: str) -> Metadata:
    """Return the metadata of a migration. ``see``: the command that shows a delta that is cut."""
    return {
        "action": str(migrated["action"]),
        "from": format_position(tuple(migrated["start"])),
        "to": format_position(tuple(migrated["end"])),
        "delta": markdown(str(migrated["delta"]), see),
        **({"archived": limited_mapping(migrated["archived"])} if migrated.get("archived") else {}),
        "seconds to migrate": round(float(migrated["seconds"]), 3),
    }


def checks_markdown(verification: Verification) -> dg.MarkdownMetadataValue:
    """Return the checks as a Markdown table."""
    rows = [
        f"| {'✅' if check.passed else '❌'} | {check.name} | {check.detail.replace('|', '&#124;')} |"
        for check in verification.checks
    ]
    return dg.MetadataValue.md("\n".join(["| | check | result |", "|---|---|---|", *rows]))


def migration_fields(migrated: Migrated) -> Metadata:
    """Return the fields of a migration for the metadata of its verification, as JSON values."""
    return {**migrated.as_dict(), "delta": migrated.delta or "no change: the environment was in step"}


def changed_tables(migrated: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the tables that a migration changed."""
    return frozenset(migrated.get("changed", ())) if migrated else frozenset()


def plan_metadata(plan: Plan) -> Metadata:
    """Return the metadata of ``release/plan``."""
    pending = {each.environment: list(each.pending) for each in plan.environments if each.pending}
    return {
        "plan": markdown("\n\n".join(plan_markdown(each) for each in plan.environments), "wish-rollout plan"),
        "verdicts": {each.environment: each.verdict.value for each in plan.environments},
        "pending": pending,
        "head": format_position(plan.head),
        "plan digest": plan.digest,
        "release digest": plan.release_digest,
    }


def plan_markdown(plan: EnvironmentPlan) -> str:
    """Return one environment's plan as Markdown: summary, delta, hazards, row findings and SQL."""
    parts = [f"### {plan.summary()}", f"verdict `{plan.verdict}`, plan `{plan.digest}`"]
    if plan.unmanaged:
        parts.append(f"unmanaged: {', '.join(escape_to_one_line(name) for name in plan.unmanaged)}")
    if plan.promised:
        parts.append(render_markdown(plan.promised))
    if plan.hazards:
        without_reason = "by the approver" if plan.action in ROLLBACKS else "**not allowed**"
        parts.append(hazards_markdown(plan.hazards, without_reason))
    parts += [f"- {escape_to_one_line(line)}" for line in plan.declarations()]
    if plan.findings:
        parts.append(findings_markdown(plan.findings))
    if plan.statements:
        parts.append(sql_markdown("\n\n".join(display_statements(plan.statements))))
    return "\n\n".join(parts)


def hazards_markdown(hazards: Sequence[Hazard], without_reason: str) -> str:
    """Return hazards as a Markdown table. ``without_reason``: the last cell of a hazard that no revision allows."""
    rows = [
        f"| {each.kind} | {_cell(each.subject)} | {each.rows:,} rows, {size(each.bytes)} | {each.lock} | "
        f"{_cell(each.allowed) or without_reason} |"
        for each in hazards
    ]
    return "\n".join(["| hazard | object | size | lock | allowed because |", "|---|---|---|---|---|", *rows])


def findings_markdown(findings: Sequence[RowFinding]) -> str:
    """Return rows that violate the new schema as a Markdown table, followed by the queries that select them."""
    rows = [f"| {_cell(each.description)} | {_cell(_allowance(each))} |" for each in findings]
    queries = "\n".join(f"{escape_to_one_line(each.sql)};".replace("```", "` ` `") for each in findings)
    table = "\n".join(["| rows that violate the new schema | allowed because |", "|---|---|", *rows])
    return f"{table}\n\n```sql\n{queries}\n```"


def _allowance(finding: RowFinding) -> str:
    return finding.allowed or ("**not allowed**" if finding.rows else "not counted")


def _cell(text: str) -> str:
    return escape_to_one_line(text).replace("|", "&#124;").replace("`", "")
