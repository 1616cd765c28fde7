"""A table with rows attached as a partition: all of it is read, unless a CHECK says already that it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import literal, names_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import TOKEN, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "attach-scan"
LOCK = "ACCESS EXCLUSIVE"
WHY = (
    "ATTACH PARTITION reads the whole table under a lock that keeps out even reads, unless a valid CHECK implies the "
    "bounds (manual, ALTER TABLE, ATTACH PARTITION)."
)
INSTEAD = """\
from wish_rollout.safe import add_check
add_check({check}, {table}, "..."{schema})   # the bounds, and IS NOT NULL: NOT VALID, then VALIDATE
op.execute({attach})
op.drop_constraint({check}, {table}{schema})"""
OPEN = frozenset({"for", "values", "from", "to", "in", "with", "minvalue", "maxvalue", "default"})


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Find attached tables with rows, but for those with a CHECK that names the key and every bound."""
    for table, change in step.changes("table", "changed"):
        parent = change.properties.get("partition of", (None, None))[1]
        if parent and not _proven(step, table, str(parent)):
            attach = literal(f"ALTER TABLE {parent} ATTACH PARTITION {table} ...")
            check = literal(f"{unquote_identifier(split_last(table)[1])}_fits"[:63])
            instead = INSTEAD.format(**names_of(table), check=check, attach=attach)
            yield step.hazard(KIND, f"partition {table}", table, HazardText(LOCK, WHY, instead))


def _proven(step: RevisionStep, table: str, parent: str) -> bool:
    """Whether valid CHECKs that stand before the revision speak of the key and of all the bounds.

    That they imply the bounds the server alone can say; that they do not speak of them can be seen.
    """
    bound = str(step.after.objects["table", table].get("partition bound", ""))
    key = str(step.after.objects["table", parent].get("partition by", "")).partition("(")[2]
    columns = {
        split_last(name)[1] for name, _ in step.after.of_kind("column") if split_last(name)[0] == parent
    }
    wanted = {word for word in _values(bound) if word not in OPEN}
    wanted |= {word for word in _values(key) if word in map(unquote_identifier, columns)}
    return bool(wanted) and wanted <= set(_checked(step, table))


def _checked(step: RevisionStep, table: str) -> Iterator[str]:
    for name, properties in step.before.of_kind("constraint"):
        if split_last(name)[0] == table and properties["type"] == "check" and "not valid" not in properties:
            yield from _values(str(properties["expression"]))


def _values(text: str) -> Iterator[str]:
    """Give names, numbers and texts of an expression."""
    for match in TOKEN.finditer(text):
        if match["string"] or match["number"] or match["quoted"]:
            yield unquote_identifier(match[0])
        elif match["word"]:
            yield match[0].lower()
