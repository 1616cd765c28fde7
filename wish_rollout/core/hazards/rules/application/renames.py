"""A renamed table, column or enum label: statements of the running application that use the old name fail."""

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
WHY = (
    "Statements of the running application that use the old name fail until all of its processes are replaced, whatever the "
    "order of the deployment."
)
WHY_LABEL = (
    "Statements of the running application that use the old label fail from then on. "
    "Existing rows show the new label at once."
)
INSTEAD_LABEL = """\
with op.get_context().autocommit_block():
    op.execute({add})   # from now on, write the new label, and read both
# in a later release: backfill() of the rows with '{old}'; the label can stay"""
INSTEAD_TABLE = """\
op.rename_table({old}, {new}{schema})
op.execute({view})   # the view can be written to; drop it in a later release{grants}"""
INSTEAD_COLUMN = """\
op.add_column({table}, sa.Column({new}, ...){schema})   # from now on, write to both
from wish_rollout.safe import backfill
backfill({table}, {{{new}: {value}}}, where={unset}{schema})
# in a later release, when no code reads {old}: drop it"""

VIEW_PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield renames on tables with rows, unless a view or another column has the old name after the revision."""
    for (kind, old), new in step.renamed.items():
        table = old if kind == "table" else split_last(old)[0]
        replacement = "view" if kind == "table" else "column"
        is_replaced = (replacement, old) in step.after.objects
        if kind not in ("table", "column") or not step.holds_rows(table) or is_replaced:
            continue
        instead = _instead_table(step, old, new) if kind == "table" else _instead_column(table, old, new)
        subject = f"{kind} {old} to {split_last(new)[1]}"
        yield step.hazard(KIND, subject, table, HazardText(LOCK, WHY, instead, ("breaks",)))
    yield from _labels(step)


def _instead_table(step: RevisionStep, old: str, new: str) -> str:
    privileges = step.before.objects.get(("table", old), {}).get("privileges", {})
    grants = ""
    for role, names in sorted(privileges.items()):
        granted = ", ".join(name for name in names if name in VIEW_PRIVILEGES)
        grants += f"\nop.execute({literal(f'GRANT {granted} ON {old} TO {role}')})" if granted else ""
    view = literal(f"CREATE VIEW {old} AS TABLE {new}")
    return INSTEAD_TABLE.format(**names_of(old, old=old, new=new), view=view, grants=grants)


def _instead_column(table: str, old: str, new: str) -> str:
    own, becomes = split_last(old)[1], split_last(new)[1]
    names = {**names_of(table, old=old, new=new), "value": literal(own)}
    return INSTEAD_COLUMN.format(**names, unset=literal(f"{becomes} IS NULL"))


def _labels(step: RevisionStep) -> Iterator[Hazard]:
    for change in step.delta.changes:
        for old, new in change.labels.items() if change.kind == "enum" else ():
            label = new.replace("'", "''")
            add = literal(f"ALTER TYPE {change.name} ADD VALUE '{label}'")
            text = HazardText("none", WHY_LABEL, INSTEAD_LABEL.format(old=old, add=add), ("breaks",))
            for table in tables_with_type(step, change.name):
                yield step.hazard(KIND, f"label '{old}' of {change.name} to '{new}'", table, text)


def tables_with_type(step: RevisionStep, type_name: str) -> list[str]:
    """Return the tables with rows that have a column of a type, or of arrays of it."""
    columns = step.before.of_kind("column")
    found = {
        split_last(name)[0] for name, each in columns if str(each["type"]).removesuffix("[]") == type_name
    }
    return sorted(table for table in found if step.holds_rows(table))
