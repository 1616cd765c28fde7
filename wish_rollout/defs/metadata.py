"""What is really there, as an asset's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.hazards.hazard import size
from wish_rollout.core.plan.plan import Action
from wish_rollout.core.release.release import say
from wish_rollout.core.schema.delta_rendering import markdown, visible
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.statement_display import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wish_rollout.core.hazards.hazard import Hazard
    from wish_rollout.core.plan.plan import EnvironmentPlan, Plan
    from wish_rollout.core.rows.requirements import Finding
    from wish_rollout.core.schema.snapshot import Snapshot
    from wish_rollout.rollout.execution.verification import Verification

Metadata = dict[str, Any]


def verification_metadata(verification: Verification, migrated: Mapping[str, Any] | None = None) -> Metadata:
    """Give the metadata of ``schema/<env>``, as DESIGN lists it; ``migrated`` is what a migration did."""
    seen = verification.seen
    snapshot, facts = seen.snapshot, seen.facts
    metadata: Metadata = {
        "dagster/column_schema": column_schema(snapshot),
        "tables": names(snapshot, "table"),
        "indexes": names(snapshot, "index"),
        "constraints": names(snapshot, "constraint"),
        "enums": {name: list(properties["labels"]) for name, properties in snapshot.of_kind("enum")},
        "rows": dict(verification.rows),
        "revision": say(facts.revisions),
        "server version": facts.version,
        "fingerprint": snapshot.fingerprint,
        "checks": checks_markdown(verification),
        "seconds to verify": round(verification.seconds, 3),
    }
    if sum(rows or 0 for rows in verification.rows.values()):
        metadata["dagster/row_count"] = sum(rows or 0 for rows in verification.rows.values())
    if verification.unmanaged:
        metadata["unmanaged"] = list(verification.unmanaged)
    if migrated:
        metadata |= {
            "delta": dg.MetadataValue.md(str(migrated["delta"])),
            "from": say(tuple(migrated["start"])),
            "to": say(tuple(migrated["end"])),
            "action": str(migrated["action"]),
            "seconds to migrate": round(float(migrated["seconds"]), 3),
        }
    return metadata


def names(snapshot: Snapshot, kind: str) -> list[str]:
    """List the objects of a kind."""
    return [name for name, _ in snapshot.of_kind(kind)]


def column_schema(snapshot: Snapshot) -> dg.TableSchema:
    """Give every table's columns, as ``table.column`` in their tables' order."""
    columns = sorted(
        snapshot.of_kind("column"), key=lambda item: (split_last(item[0])[0], int(item[1]["position"]))
    )
    return dg.TableSchema(columns=[column(name, properties) for name, properties in columns])


def column(name: str, properties: Mapping[str, Any]) -> dg.TableColumn:
    """Give one column as Dagster draws it."""
    default = properties.get("default")
    return dg.TableColumn(
        name=name,
        type=str(properties["type"]),
        description=f"default {default}" if default is not None else None,
        constraints=dg.TableColumnConstraints(nullable=not properties.get("not null", False)),
    )


def checks_markdown(verification: Verification) -> dg.MarkdownMetadataValue:
    """Give the checks as a table."""
    rows = [
        f"| {'✅' if check.passed else '❌'} | {check.name} | {check.detail.replace('|', '&#124;')} |"
        for check in verification.checks
    ]
    return dg.MetadataValue.md("\n".join(["| | check | what was seen |", "|---|---|---|", *rows]))


def plan_metadata(plan: Plan) -> Metadata:
    """Give the metadata of ``release/plan``."""
    pending = {one.environment: list(one.pending) for one in plan.environments if one.pending}
    return {
        "plan": dg.MetadataValue.md("\n\n".join(plan_markdown(one) for one in plan.environments)),
        "plan digest": plan.digest,
        "release digest": plan.release_digest,
        "head": say(plan.head),
        "verdicts": {one.environment: one.verdict.value for one in plan.environments},
        "pending": pending,
    }


def plan_markdown(plan: EnvironmentPlan) -> str:
    """Write one environment's plan for a person: what will happen, the delta, the SQL."""
    parts = [f"### {plan.summary()}", f"verdict `{plan.verdict}`, plan `{plan.digest}`"]
    if plan.unmanaged:
        parts.append(f"unmanaged: {', '.join(visible(name) for name in plan.unmanaged)}")
    if plan.promised:
        parts.append(markdown(plan.promised))
    if plan.hazards:
        unsaid = "by the approver" if plan.action is Action.ROLLBACK else "**not allowed**"
        parts.append(hazards_markdown(plan.hazards, unsaid))
    if plan.findings:
        parts.append(findings_markdown(plan.findings))
    if plan.statements:
        parts.append("```sql\n" + "\n\n".join(shown(plan.statements)).replace("```", "` ` `") + "\n```")
    return "\n\n".join(parts)


def hazards_markdown(hazards: Sequence[Hazard], unsaid: str) -> str:
    """Write hazards as a table: what, where, under which lock, why it may be; ``unsaid``: if no reason is given."""
    rows = [
        f"| {one.kind} | {_cell(one.subject)} | {one.rows:,} rows, {size(one.bytes)} | {one.lock} | "
        f"{_cell(one.allowed) or unsaid} |"
        for one in hazards
    ]
    return "\n".join(["| hazard | of | on | lock | allowed because |", "|---|---|---|---|---|", *rows])


def findings_markdown(findings: Sequence[Finding]) -> str:
    """Write rows that the new schema would refuse as a table, and below it the SQL that shows them."""
    rows = [f"| {_cell(one.says)} | {_cell(_why(one))} |" for one in findings]
    shown = "\n".join(f"{visible(one.sql)};".replace("```", "` ` `") for one in findings)
    table = "\n".join(["| rows that do not fit | allowed because |", "|---|---|", *rows])
    return f"{table}\n\n```sql\n{shown}\n```"


def _why(finding: Finding) -> str:
    return finding.allowed or ("**not allowed**" if finding.rows else "not counted")


def _cell(text: str) -> str:
    return visible(text).replace("|", "&#124;").replace("`", "")
