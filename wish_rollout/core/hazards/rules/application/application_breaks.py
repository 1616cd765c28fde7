"""Changes after which statements of the running application fail, or return or write other rows than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.rules.application import (
    application_privileges,
    removed_objects,
    sequence_restarts,
    trigger_refusals,
)
from wish_rollout.core.hazards.rules.application.application_privileges import REVOKE, ROW_SECURITY
from wish_rollout.core.hazards.rules.application.removed_objects import OBJECT, UNIQUE
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.schema.change import Change

REQUIRED, DETACH, LABEL = "required-column", "detach-partition", "drop-enum-label"
KINDS = (
    REQUIRED,
    DETACH,
    LABEL,
    OBJECT,
    UNIQUE,
    REVOKE,
    ROW_SECURITY,
    trigger_refusals.KIND,
    sequence_restarts.KIND,
)
BREAKS = ("breaks",)
WHY_REQUIRED = (
    "An INSERT of the running application does not name column {column}. It fails from then on, because the column is NOT "
    "NULL and has no default."
)
WHY_ALWAYS = "An INSERT of the running application that gives a value for column {column} fails from then on."
INSTEAD_REQUIRED = """\
# keep a default until the application gives a value in every INSERT; in a later release, drop the default:
allow_hazards = {"required-column": "every INSERT gives a value since release …"}"""
WHY_DETACH = (
    "Queries of {parent} no longer find the rows of {table}, and an INSERT of such rows into {parent} fails."
)
INSTEAD_DETACH = """\
# first release an application that does not need these rows in the parent; then allow it here, with the reason:
allow_hazards = {"detach-partition": "the rows are archived since …"}"""
WHY_LABEL = "Statements of the running application that use label '{label}' fail from then on."
INSTEAD_LABEL = """\
# keep the label, until no row and no code uses it; then remove it in steps that do not lock the table for long:
from wish_rollout.safe import remove_enum_label
remove_enum_label(...)
allow_hazards = {"drop-enum-label": "unused since release …"}"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield such changes; none, if the database has no rows at all."""
    if not step.live.in_use:
        return
    for change in step.delta.changes:
        if change.kind == "column":
            yield from _column(step, change)
        elif change.kind in ("table", "foreign table") and change.change == "changed":
            yield from _parents(step, change)
        elif change.kind == "enum":
            yield from _labels(step, change)
    yield from removed_objects.assess(step)
    yield from application_privileges.assess(step)
    yield from trigger_refusals.assess(step)
    yield from sequence_restarts.assess(step)


def _column(step: RevisionStep, change: Change) -> Iterator[Hazard]:
    """Yield a column that an INSERT must name from now on, or must not name any more."""
    table, column = split_last(change.name)
    after = step.after.objects.get(("column", change.name))
    if after is None or ("table", table) not in step.before.objects or not step.holds_rows(table):
        return
    has_value = any(after.get(each) for each in ("default", "identity", "generated"))
    required = bool(after.get("not null")) and not has_value
    lost_value = any(
        change.properties.get(each, (None, None))[0] and not after.get(each)
        for each in ("default", "identity")
    )
    if required and (change.change == "added" or lost_value):
        text = HazardText(
            "ACCESS EXCLUSIVE", WHY_REQUIRED.format(column=column), INSTEAD_REQUIRED, ("breaks",)
        )
        yield step.hazard(REQUIRED, f"column {change.name}", table, text)
    identity = change.properties.get("identity", (None, None))
    is_always = change.change == "changed" and "always" in str(identity[1]).lower()
    generated = change.change == "changed" and change.properties.get("generated", (None, None))[1]
    if is_always or generated:
        text = HazardText("ACCESS EXCLUSIVE", WHY_ALWAYS.format(column=column), INSTEAD_REQUIRED, ("breaks",))
        yield step.hazard(REQUIRED, f"column {change.name}", table, text)


def _parents(step: RevisionStep, change: Change) -> Iterator[Hazard]:
    """Yield a table that is no longer a partition or a child table."""
    before, after = change.properties.get("partition of", (None, None))
    old, new = change.properties.get("inherits", (None, None))
    parents = [str(before)] if before and not after else sorted(set(old or ()) - set(new or ()))
    for parent in parents if step.holds_rows(change.name) else ():
        why = WHY_DETACH.format(parent=parent, table=change.name)
        text = HazardText("ACCESS EXCLUSIVE", why, INSTEAD_DETACH, ("breaks",))
        yield step.hazard(DETACH, f"{change.name} of {parent}", change.name, text)


def _labels(step: RevisionStep, change: Change) -> Iterator[Hazard]:
    """Yield the labels of an enum type that a column uses and that no longer exist; renames are in ``renames``."""
    before, after = change.properties.get("labels", (None, None))
    used = [
        split_last(name)[0]
        for name, each in step.before.of_kind("column")
        if str(each["type"]).removesuffix("[]") == change.name
    ]
    tables = [table for table in sorted(set(used)) if step.holds_rows(table)]
    gone = [label for label in before or () if label not in (after or ()) and label not in change.labels]
    for label in gone if tables and change.change == "changed" else ():
        text = HazardText("none", WHY_LABEL.format(label=label), INSTEAD_LABEL, ("breaks",))
        yield step.hazard(LABEL, f"label '{label}' of {change.name}", tables[0], text)
