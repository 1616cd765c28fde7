"""A changed type of a column on a table with rows: most such changes rewrite the table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import find_phrase, is_name_of, split_name, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Danger, Hazard, RevisionStep
    from wish_rollout.core.hazards.script_statements import StatementAction

KIND = "column-type-change"
LOCK = "ACCESS EXCLUSIVE"
WHY = (
    "The change from {before} to {after} rewrites the table or its indexes, or reads all rows, under a lock that blocks even "
    "reads. The running application still expects {before} (manual, ALTER TABLE, Notes)."
)
LOST = " Values that {after} cannot represent are rounded or cut off."
INSTEAD = """\
from wish_rollout.safe import add_column_copy, swap_columns
add_column_copy({table}, {column}, {new}, {after}, {value}{schema})   # a trigger keeps it equal; existing rows in batches
swap_columns({table}, {column}, {new}{schema})   # in a later release: rename both in one short transaction"""

TYPE = re.compile(r"([^()\[\]]+)(?:\(([\d,-]+)\)([^()\[\]]*))?")
"""A type as format_type() writes it: ``timestamp(3) without time zone``; none for an array."""
UNBOUNDED = frozenset({"character varying", "text"})
GROWING = frozenset({"character varying", "bit varying"})
ZONED = {"timestamp without time zone", "timestamp with time zone"}
"""Stored equally if the session's time zone is UTC: then no row is read (release notes of PostgreSQL 12)."""
TIMES = frozenset(
    f"{kind} {zone} time zone" for kind in ("timestamp", "time") for zone in ("with", "without")
) | {"interval"}

NO_LIMIT = 1_000
PRECISION = {"smallint": 0, "integer": 1, "bigint": 2, "real": 3, "double precision": 4, "numeric": 5}
PRECISION |= {
    "date": 6,
    "timestamp": 7,
    "timestamp without time zone": 7,
    "timestamp with time zone": 7,
    "time": 7,
}
"""Types of one family in the order of the values that they can represent."""
FAMILIES = {
    "number": ("smallint", "integer", "bigint", "real", "double precision", "numeric"),
    "text": ("text", "character varying", "character", "name"),
    "time": ("date", "timestamp", "timestamp without time zone", "timestamp with time zone"),
    "network": ("inet", "cidr"),
    "json": ("json", "jsonb"),
    "bits": ("bit", "bit varying"),
}
"""Types that the same literals and comparisons fit."""


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield changed types, but for those that only raise a limit: these read no row."""
    for table, change in step.changes("column", "changed"):
        before, after = change.properties.get("type", (None, None))
        column = change.name.removeprefix(f"{table}.")
        if "collation" in change.properties and not (before and after):
            before = after = str(step.after.objects["column", change.name]["type"])
        elif not before or not after or _is_light(step, table, column, str(before), str(after)):
            continue
        yield _hazard(step, change.name, str(before), str(after))
    yield from _same_name(step)


def _hazard(step: RevisionStep, column: str, before: str, after: str) -> Hazard:
    dangers: list[Danger] = ["held"]
    why = WHY.format(before=before, after=after)
    if loses_values(before, after):
        dangers.append("lost")
        why += LOST.format(after=after)
    if _family(before) != _family(after):
        dangers.append("breaks")
    text = HazardText(LOCK, why, _instead(column, after), tuple(dangers))
    return step.hazard(KIND, f"column {column}", split_last(column)[0], text)


def loses_values(before: str, after: str) -> bool:
    """Return whether values can lose digits by the change of the type."""
    old, new = TYPE.fullmatch(before), TYPE.fullmatch(after)
    if old is None or new is None:
        return False
    rank, becomes = PRECISION.get(old[1].strip(), -1), PRECISION.get(new[1].strip(), -1)
    if rank < 0 or becomes < 0 or _family(before) != _family(after):
        return False
    scales = [(_sizes(match[2]) or [NO_LIMIT])[-1] for match in (old, new)]
    is_coarser = (
        becomes == rank and (old[1].strip() == "numeric" or "time" in old[1]) and scales[1] < scales[0]
    )
    return becomes < rank or is_coarser


def depends_on_time_zone(step: RevisionStep, hazard: Hazard) -> bool:
    """Return whether a change of a type rewrites the table on this database, and perhaps not on the scratch server."""
    name = hazard.subject.removeprefix("column ")
    sides = (side.objects.get(("column", name), {}) for side in (step.before, step.after))
    types = {re.sub(r"\(\d+\)", "", str(each.get("type", ""))) for each in sides}
    return (
        hazard.kind == KIND
        and types == ZONED
        and not step.live.utc
        and not step.script.of_verb("set time zone")
    )


def _family(type_name: str) -> str:
    match = TYPE.fullmatch(type_name)
    name = match[1].strip() if match else type_name
    return next((family for family, names in FAMILIES.items() if name in names), type_name)


def _same_name(step: RevisionStep) -> Iterator[Hazard]:
    """Yield types that are set again under the same name: USING computes values, or an enum was created again."""
    changed = {change.name: change for change in step.delta.changes if change.kind in ("column", "enum")}
    for action in step.script.of_verb("alter type of"):
        for name, properties in step.after.of_kind("column"):
            table, column = split_last(name)
            if (
                not is_name_of(action.of, table)
                or split_name(column) != action.name
                or not step.holds_rows(table)
            ):
                continue
            seen = changed.get(name)
            kind = str(properties["type"])
            again = kind in changed and not changed[kind].labels
            shown = seen is not None and "type" in seen.properties
            if ("column", name) in step.before.objects and not shown and (again or _computes(action)):
                yield _hazard(step, name, kind, kind)


def _instead(name: str, after: str) -> str:
    """Return the steps for a column with a name in a snapshot."""
    table, column = split_last(name)
    new = f"{unquote_identifier(column)}_new"[:63]
    names = names_of(table, column=name)
    return INSTEAD.format(
        **names, new=literal(new), after=literal(after), value=literal(f"{column}::{after}")
    )


def _computes(action: StatementAction) -> bool:
    """Return whether USING computes more than a cast of the column."""
    place = find_phrase(action.words, "using")
    words = tuple(unquote_identifier(word) for word in action.words[place + 1 :] if word not in ("(", ")"))
    return place >= 0 and words != action.name and words[:2] != (*action.name, "::")


def _is_light(step: RevisionStep, table: str, column: str, before: str, after: str) -> bool:
    """Return whether the type only raises a limit, without computing values, or was only renamed."""
    if step.is_measured:
        return False
    action = step.script.find("alter type of", column, table)
    if action is None:
        return only_wider(before, after) or step.script.find("alter type", before) is not None
    zoned = {before, after} == ZONED and step.live.utc and not step.script.of_verb("set time zone")
    return (only_wider(before, after) or zoned) and not _computes(action)


def only_wider(before: str, after: str) -> bool:
    """Return whether each value is stored as before, so that no row is read (manual, ALTER TABLE, Notes).

    A longer or unlimited varchar, a numeric with more digits before the point, a finer time.
    """
    old, new = TYPE.fullmatch(before), TYPE.fullmatch(after)
    if old is None or new is None:
        return False
    name, becomes = old[1] + (old[3] or ""), new[1] + (new[3] or "")
    if name in UNBOUNDED and becomes in UNBOUNDED and not new[2]:
        return True
    return name == becomes and _grows(name, _sizes(old[2]), _sizes(new[2]))


def _grows(name: str, sizes: list[int], wanted: list[int]) -> bool:
    """Return whether a type's limit is removed or raised; a numeric's digits after the point must stay."""
    if name == "numeric":
        return not wanted or (
            len(sizes) == len(wanted) == 2 and wanted[1] == sizes[1] and wanted[0] >= sizes[0]
        )
    return name in {*GROWING, *TIMES} and (not wanted or (bool(sizes) and wanted[0] >= sizes[0]))


def _sizes(text: str | None) -> list[int]:
    return [int(part) for part in text.split(",")] if text else []
