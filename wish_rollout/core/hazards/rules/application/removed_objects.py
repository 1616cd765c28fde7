"""Objects that the running application may use and that a revision removes or renames, other than tables and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.hazards.hazard import Danger, Hazard, RevisionStep
    from wish_rollout.core.schema.change import Change
    from wish_rollout.core.schema.snapshot import Json

OBJECT, UNIQUE = "drop-object", "drop-unique"
USED_KINDS = ("sequence", "function", "procedure", "aggregate")
WHY_OBJECT = "Statements of the running application that use {what} fail from then on."
INSTEAD_OBJECT = """\
# first release an application that does not use it; then allow it here, with the reason:
allow_hazards = {"drop-object": "unused since release …"}"""
WHY_UNIQUE = (
    "INSERT … ON CONFLICT of the running application fails without a unique index on {columns} (manual, INSERT), rows that "
    "violate it are accepted, and queries by these columns become slower."
)
INSTEAD_UNIQUE = """\
# build the index that replaces it first; then allow it here, with the reason:
allow_hazards = {"drop-unique": "no ON CONFLICT uses it since release …"}"""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield the removed sequences, functions, columns of views, and unique indexes."""
    for change in step.delta.changes:
        if change.change not in ("removed", "renamed"):
            continue
        if change.kind in USED_KINDS and not _is_unused(step, change):
            dangers: tuple[Danger, ...] = (
                ("breaks", "lost") if change.kind == "sequence" and _is_gone(step, change) else ("breaks",)
            )
            text = HazardText(
                "none", WHY_OBJECT.format(what=f"{change.kind} {change.name}"), INSTEAD_OBJECT, dangers
            )
            yield step.hazard(OBJECT, f"{change.kind} {change.name}", change.name, text)
        elif change.kind in ("index", "constraint"):
            yield from _unique(step, change)
    yield from _view_columns(step)


def _is_unused(step: RevisionStep, change: Change) -> bool:
    """Return whether no statement of an application can use the object itself."""
    if change.kind == "sequence":
        owner = str(change.properties.get("owned by", ("",))[0] or "")
        return bool(owner) and ("column", owner) not in step.after.objects
    return change.properties.get("returns", ("",))[0] in ("trigger", "event_trigger")


def _is_gone(step: RevisionStep, change: Change) -> bool:
    """Return whether a sequence was dropped and not renamed."""
    return change.change == "removed" and not any(
        "rename" in action.words or action.verb == "rename sequence"
        for action in step.script.of_verb("alter sequence")
    )


def _view_columns(step: RevisionStep) -> Iterator[Hazard]:
    """Yield the columns that a view no longer has under their name."""
    lost: dict[str, list[str]] = {}
    for kind, name in step.before.objects:
        if kind == "column" and (kind, name) not in step.after.objects:
            relation, column = split_last(name)
            lost.setdefault(relation, []).append(column)
    for kind in ("view", "materialized view"):
        for view in sorted(lost):
            if not all((kind, view) in side.objects for side in (step.before, step.after)):
                continue
            for column in sorted(lost[view]):
                what = f"column {column} of {kind} {view}"
                text = HazardText(
                    "ACCESS EXCLUSIVE", WHY_OBJECT.format(what=what), INSTEAD_OBJECT, ("breaks",)
                )
                yield step.hazard(OBJECT, what, view, text)


def _unique(step: RevisionStep, change: Change) -> Iterator[Hazard]:
    """Yield a unique index or constraint that is gone, while its table is still there and no other has its columns."""
    table = step.table_of(change)
    before = step.before.objects.get((change.kind, change.name), {})
    key = _unique_key(change.kind, before)
    if key is None or ("table", table) not in step.after.objects or not step.holds_rows(table):
        return
    remaining = {
        _unique_key(kind, each)
        for kind in ("index", "constraint")
        for name, each in step.after.of_kind(kind)
        if (str(each.get("table")) if kind == "index" else split_last(name)[0]) == table
    }
    columns_exist = all(("column", f"{table}.{column}") in step.after.objects for column in key)
    if key not in remaining and columns_exist:
        text = HazardText(
            "ACCESS EXCLUSIVE",
            WHY_UNIQUE.format(columns=", ".join(key)),
            INSTEAD_UNIQUE,
            ("breaks", "slower"),
        )
        yield step.hazard(UNIQUE, f"{change.kind} {change.name}", table, text)


def _unique_key(kind: str, properties: Mapping[str, Json]) -> tuple[str, ...] | None:
    """Return the columns of a unique index or constraint, or None."""
    if kind == "constraint" and properties.get("type") in ("unique", "primary key"):
        return tuple(properties.get("columns", ()))
    if kind == "index" and properties.get("unique"):
        return tuple(str(each) for each in properties.get("columns", properties.get("keys", ())))
    return None
