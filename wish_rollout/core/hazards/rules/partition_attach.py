"""A table with rows attached as a partition: it is read completely, unless a CHECK constraint implies the bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.hazards.hazard import HazardText
from wish_rollout.core.hazards.revision_code import called, literal, names_of
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import is_name_of, unquote_identifier
from wish_rollout.core.text.token_pattern import find_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.hazards.hazard import Hazard, RevisionStep

KIND = "attach-scan"
LOCK = "ACCESS EXCLUSIVE"
WHY = (
    "ATTACH PARTITION reads the whole table under a lock that blocks even reads, unless a valid CHECK constraint implies the "
    "bounds. It builds the indexes of the parent that the table lacks. A default partition is read too (manual, ALTER TABLE, "
    "ATTACH PARTITION)."
)
INSTEAD = """\
from wish_rollout.safe import attach_partition
attach_partition({parent}, {table}, {bounds}{schema})   # the indexes, a CHECK that is validated, then ATTACH"""
WHY_DEFAULT = (
    "Adding partition {new} reads the whole default partition {default} under a lock that blocks even reads, unless a valid "
    "CHECK constraint of it excludes the new bounds (manual, CREATE TABLE, PARTITION OF)."
)
INSTEAD_DEFAULT = """\
from wish_rollout.safe import add_check
add_check({check}, {table}, "NOT (...)"{schema})   # excludes the new partition's bounds, NULL included
op.execute("CREATE TABLE ... PARTITION OF ...")
op.drop_constraint({check}, {table}{schema})"""
OPEN = frozenset({"for", "values", "from", "to", "in", "with", "minvalue", "maxvalue", "default"})


def assess(step: RevisionStep) -> Iterator[Hazard]:
    """Yield attached tables with rows, but for those with a CHECK that names the key and every bound.

    A default partition with rows is read when another partition is added (manual, CREATE TABLE, PARTITION OF).
    """
    yield from _beside_default(step)
    for table, change in step.changes("table", "changed"):
        parent = change.properties.get("partition of", (None, None))[1]
        if parent and (step.is_measured or not _proven(step, table, str(parent))):
            bounds = literal(str(step.after.objects["table", table].get("partition bound", "")))
            names = {**names_of(table), "parent": called(str(parent)), "bounds": bounds}
            yield step.hazard(
                KIND, f"partition {table}", table, HazardText(LOCK, WHY, INSTEAD.format(**names))
            )


def _beside_default(step: RevisionStep) -> Iterator[Hazard]:
    """Yield the default partitions with rows beside which a partition is created."""
    for action in step.script.of_verb("create partition"):
        for name, properties in step.before.of_kind("table"):
            parent = str(properties.get("partition of", ""))
            if (
                properties.get("partition bound") == "DEFAULT"
                and is_name_of(action.of, parent)
                and step.holds_rows(name)
            ):
                new = ".".join(action.name)
                names = {
                    **names_of(name),
                    "check": literal(f"{unquote_identifier(split_last(name)[1])}_excludes"[:63]),
                }
                text = HazardText(
                    LOCK, WHY_DEFAULT.format(default=name, new=new), INSTEAD_DEFAULT.format(**names)
                )
                yield step.hazard(KIND, f"default partition {name} beside {new}", name, text)


def _proven(step: RevisionStep, table: str, parent: str) -> bool:
    """Return whether valid CHECK constraints from before the revision contain the key and all of the bounds.

    Only the server knows whether they imply the bounds: this is used where nothing was measured.
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
    """Yield the names, numbers and string constants of an expression."""
    for match in find_tokens(text):
        if match["string"] or match["number"] or match["quoted"]:
            yield unquote_identifier(match[0])
        elif match["word"]:
            yield match[0].lower()
