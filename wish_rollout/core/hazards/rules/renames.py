"""A table or column in use renamed: code that runs now fails from that moment on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "rename"
LOCK = "ACCESS EXCLUSIVE"
WHY = "Code that runs now knows the old name, and fails until all of it is replaced; no order of deploying avoids that."
WHY_LABEL = (
    "Code that runs now writes and compares the old label, and fails from that moment on; rows that are there show "
    "the new one at once."
)
INSTEAD_LABEL = """\
op.execute({add})   # expand: write the new one from now on, and read both
# in a later release: backfill() of rows that hold '{old}'; the label itself can stay"""
INSTEAD = {
    "table": """\
op.rename_table({old}, {new}{schema})
op.execute({view})   # a view of one table can be written to; drop it one release later""",
    "column": """\
op.add_column({table}, sa.Column({new}, ...){schema})   # expand: write to both from now on
from wish_rollout.safe import backfill
backfill({table}, {{{new}: {value}}}, where={unset}{schema})
# in a later release, when nothing reads {old} any more: drop it""",
}


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Find renames on tables with rows, unless a view takes the old name over in the same revision."""
    for (kind, old), new in step.renamed.items():
        table = old if kind == "table" else split_last(old)[0]
        if kind not in INSTEAD or not step.holds_rows(table) or ("view", old) in step.after.objects:
            continue
        (own, becomes) = (split_last(name)[1] for name in (old, new))
        names = {
            **names_of(table, old=old, new=new),
            "view": literal(f"CREATE VIEW {old} AS TABLE {new}"),
            "value": literal(own),
            "unset": literal(f"{becomes} IS NULL"),
        }
        subject = f"{kind} {old} to {becomes}"
        yield step.hazard(KIND, subject, table, HazardText(LOCK, WHY, INSTEAD[kind].format(**names)))
    for change in step.delta.changes:
        for old, new in change.labels.items() if change.kind == "enum" else ():
            for table in _tables_with(step, change.name):
                label = new.replace("'", "''")
                names = {"old": old, "add": literal(f"ALTER TYPE {change.name} ADD VALUE '{label}'")}
                subject = f"label '{old}' of {change.name} to '{new}'"
                yield step.hazard(
                    KIND, subject, table, HazardText("none", WHY_LABEL, INSTEAD_LABEL.format(**names))
                )


def _tables_with(step: RevisionStep, kind: str) -> list[str]:
    """Name the tables with rows that have a column of a type."""
    columns = step.before.of_kind("column")
    found = {split_last(name)[0] for name, each in columns if str(each["type"]).removesuffix("[]") == kind}
    return sorted(table for table in found if step.holds_rows(table))
