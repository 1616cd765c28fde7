"""The type of a column changed on a table with rows: most such changes rewrite the table."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import find_phrase, is_name_of, split_name, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep
    from wish_rollout.core.hazards.script_statements import StatementAction

KIND = "column-type-change"
LOCK = "ACCESS EXCLUSIVE"
WHY = (
    "Going from {before} to {after} writes every row and every index on the column anew under a lock that "
    "keeps out even reads, and code that runs now still expects {before} (manual, ALTER TABLE, Notes)."
)
INSTEAD = """\
op.add_column({table}, sa.Column({new}, ...){schema})   # expand: write to both from now on
from wish_rollout.safe import backfill
backfill({table}, {{{new}: {value}}}, where={unset}{schema})
# in a later release, when nothing reads {column} any more: drop it, and rename {new}"""

TYPE = re.compile(r"([^()\[\]]+)(?:\(([\d,-]+)\)([^()\[\]]*))?")
"""A type as format_type() writes it: ``timestamp(3) without time zone``; none for an array."""
UNBOUNDED = frozenset({"character varying", "text"})
GROWING = frozenset({"character varying", "bit varying"})
ZONED = {"timestamp without time zone", "timestamp with time zone"}
"""Stored alike where the session's time zone is UTC: no row is read then (release notes of PostgreSQL 12)."""
TIMES = frozenset(
    f"{kind} {zone} time zone" for kind in ("timestamp", "time") for zone in ("with", "without")
) | {"interval"}


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Find changed types, but for those that only lift a limit: these read no row."""
    for table, change in step.changes("column", "changed"):
        before, after = change.properties.get("type", (None, None))
        column = change.name.removeprefix(f"{table}.")
        if "collation" in change.properties and not before:
            before = after = str(step.after.objects["column", change.name]["type"])
        elif not before or not after or _is_light(step, table, column, str(before), str(after)):
            continue
        why = WHY.format(before=before, after=after)
        instead = _instead(change.name, str(after))
        yield step.hazard(KIND, f"column {change.name}", table, HazardText(LOCK, why, instead))

    yield from _unseen(step)


def _unseen(step: RevisionStep) -> Iterator[Hazard]:
    """Find types that are set anew under the same name: USING computes values, or an enum was made again."""
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
                why = WHY.format(before=kind, after=kind)
                instead = _instead(name, kind)
                yield step.hazard(KIND, f"column {name}", table, HazardText(LOCK, why, instead))


def _instead(name: str, after: str) -> str:
    """Write the steps for a column, as a snapshot calls it."""
    table, column = split_last(name)
    new = f"{unquote_identifier(column)}_new"[:63]
    return INSTEAD.format(
        **names_of(table, column=name),
        new=literal(new),
        value=literal(f"{column}::{after}"),
        unset=literal(f"{identifier(new)} IS NULL"),
    )


def _computes(action: StatementAction) -> bool:
    """Whether it says USING with more than the column itself, cast to something or not."""
    place = find_phrase(action.words, "using")
    words = tuple(unquote_identifier(word) for word in action.words[place + 1 :] if word not in ("(", ")"))
    return place >= 0 and words != action.name and words[:2] != (*action.name, "::")


def _is_light(step: RevisionStep, table: str, column: str, before: str, after: str) -> bool:
    """Whether the type only lifts a limit, without computing values; or was merely called otherwise."""
    action = step.script.find("alter type of", column, table)
    if action is None:
        return only_wider(before, after) or step.script.find("alter type", before) is not None
    zoned = {before, after} == ZONED and step.live.utc and not step.script.of_verb("set time zone")
    return (only_wider(before, after) or zoned) and not _computes(action)


def only_wider(before: str, after: str) -> bool:
    """Whether each value stays as it is stored, so that no row is read (manual, ALTER TABLE, Notes).

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
    """Whether a type's limit is lifted or raised; a numeric's digits behind the point must stay."""
    if name == "numeric":
        return not wanted or (
            len(sizes) == len(wanted) == 2 and wanted[1] == sizes[1] and wanted[0] >= sizes[0]
        )
    return name in {*GROWING, *TIMES} and (not wanted or (bool(sizes) and wanted[0] >= sizes[0]))


def _sizes(text: str | None) -> list[int]:
    return [int(part) for part in text.split(",")] if text else []
