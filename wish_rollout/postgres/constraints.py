"""Constraints and indexes. An index behind a constraint is a part of that constraint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.rows import Plain, Properties, Row, cells_of, options
from wish_rollout.postgres.settling import settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wish_rollout.postgres.reading import Reading

# By pg_index.indoption: bit 1 is DESC, bit 2 NULLS FIRST, and each of the two has a default for the other.
_ORDERS: dict[str, list[str]] = {"0": [], "1": ["DESC NULLS LAST"], "2": ["NULLS FIRST"], "3": ["DESC"]}

NO_COLLATION, DEFAULT_COLLATION = "0", "100"
"""Of a type that has none; and the database's. Manual, pg_collation; the number is fixed (pg_collation.dat)."""

_CONSTRAINT = ("_oid", "_relation", "_domain", "_name", "_index", "_referenced", "_columns")


def add_constraints(
    reading: Reading, names: Sequence[str], rows: Iterable[Row], firing: Mapping[int, str]
) -> dict[int, Properties]:
    """Add constraints; give the properties of those with an index, by the index's number.

    ``firing``: how a foreign key's internal triggers fire, where not as usual.
    """
    behind: dict[int, Properties] = {}
    told, cells_wanted = Plain(names), cells_of(names, *_CONSTRAINT)
    for cells in rows:
        oid, relation, domain, name, index, referenced, numbers = cells_wanted(cells)
        properties = told(cells)
        owner = reading.tables.get(relation) or domain
        properties.update(reading.remarks("pg_constraint", oid))
        if oid in firing:
            properties["triggers"] = firing[oid]
        if numbers and properties["type"] != "check":
            columns = reading.columns.get(relation, {})
            properties["columns"] = [columns[number] for number in numbers if number > 0]
        if referenced:
            _reference(reading, dict(zip(names, cells, strict=True)), properties)
        elif index:
            behind[index] = properties
        reading.add("constraint", f"{owner}.{name}", properties, owner)
    return behind


def _reference(reading: Reading, row: dict[str, Any], properties: Properties) -> None:
    if row["_elsewhere"]:
        properties["references"], *properties["referenced columns"] = row["_elsewhere"]
    else:
        there = reading.columns[row["_referenced"]]
        properties["references"] = reading.tables[row["_referenced"]]
        properties["referenced columns"] = [there[number] for number in row["_referenced_columns"]]
    if row["_set_columns"]:
        columns = reading.columns[row["_relation"]]
        properties["on delete columns"] = sorted(columns[number] for number in row["_set_columns"])


@dataclass(slots=True)
class _Shape:
    """How an index is made, whatever its columns are called. ``endings``: empty where each has to be looked at."""

    numbers: list[int]
    classes: list[str]
    collations: list[str]
    orders: list[str]
    endings: list[str] = field(default_factory=list)


class Keys:
    """How the keys of an index are written: column or expression, and what is not the default.

    What follows a column's name is the same for all indexes of one shape, so it is worked out once a shape.
    """

    WANTED = (
        "_oid",
        "_relation",
        "_key_count",
        "_expressions",
        "_keys",
        "_classes",
        "_collations",
        "_orders",
    )
    """The cells that tell it."""

    def __init__(self, classes: Iterable[Row], collations: Iterable[Row], columns: Iterable[Row]) -> None:
        self.classes = {str(oid): None if default else name for oid, name, default in classes}
        self.collations = {str(oid): name for oid, name in collations}
        self.columns = {
            (index, number): (parameters, target) for index, number, parameters, target in columns
        }
        self.shapes: dict[tuple[str, ...], _Shape] = {}

    def properties(self, cells: Row, reading: Reading) -> Properties:
        """Give the keys, and the columns that are merely included, of the cells that are wanted."""
        index, relation, count, expressions, *text = cells
        columns = reading.columns[relation]
        shape = self.shapes.get(key := tuple(text))
        if shape is None:
            shape = self.shapes[key] = self._shape(*text)
        if shape.endings and expressions is None and relation not in reading.collated:
            keys = [
                columns[number] + ending for number, ending in zip(shape.numbers, shape.endings, strict=False)
            ]
        else:
            names = [
                columns[number] if number else settled(expressions[place])
                for place, number in enumerate(shape.numbers[:count])
            ]
            keys = self._each(index, relation, names, shape, reading)
        found: Properties = {"keys": keys[:count]}
        if len(shape.numbers) > count:
            found["include"] = [columns[number] for number in shape.numbers[count:]]
        targets = {
            str(place): target
            for place in (range(1, count + 1) if self.columns else ())
            if (target := self.columns.get((index, place), (None, None))[1]) is not None
        }
        return {**found, "statistics targets": targets} if targets else found

    def _shape(self, keys: str, classes: str, collations: str, orders: str) -> _Shape:
        """Read the numbers; and what follows each key's name, unless a key has a collation or parameters of its own.

        The default collation is a column's own, if the column's table has no column with another.
        """
        shape = _Shape(list(map(int, keys.split())), classes.split(), collations.split(), orders.split())
        if not self.columns and {NO_COLLATION, DEFAULT_COLLATION}.issuperset(shape.collations):
            parts = zip(shape.classes, shape.orders, strict=False)
            shape.endings = [
                "".join(f" {word}" for word in (*self._class(a, None), *_ORDERS[b])) for a, b in parts
            ]
        return shape

    def _each(
        self, index: int, relation: int, names: Sequence[str], shape: _Shape, reading: Reading
    ) -> list[str]:
        """Write each key by itself."""
        keys = []
        parts = zip(names, shape.numbers, shape.classes, shape.collations, shape.orders, strict=False)
        for place, (name, number, operator_class, collation, order) in enumerate(parts, start=1):
            own = str(reading.collations.get((relation, number), DEFAULT_COLLATION))
            words = [name]
            if collation not in (own, NO_COLLATION):
                words.append(f"COLLATE {self.collations[collation]}")
            words += self._class(operator_class, self.columns.get((index, place), (None, None))[0])
            keys.append(" ".join([*words, *_ORDERS[order]]))
        return keys

    def _class(self, number: str, given: Iterable[str] | None) -> list[str]:
        name = self.classes[number]
        parameters = options(given)
        if parameters:
            shown = ", ".join(f"{key}={value}" for key, value in parameters.items())
            return [f"{name or 'default operator class'} ({shown})"]
        return [name] if name else []


def add_indexes(
    reading: Reading,
    names: Sequence[str],
    rows: Iterable[Row],
    keys: Keys,
    behind: Mapping[int, Properties],
) -> None:
    """Add indexes, and to constraints what their indexes tell."""
    told, cells_wanted = Plain(names), cells_of(names, "_oid", "_relation", "_name")
    wanted = cells_of(names, *keys.WANTED)
    for cells in rows:
        oid, relation, name = cells_wanted(cells)
        table = reading.tables.get(relation)
        if table is None:
            continue
        properties = told(cells)
        properties.update(keys.properties(wanted(cells), reading))
        remarks = reading.remarks("pg_class", oid)
        constraint = behind.get(oid)
        if constraint is None:
            reading.add("index", name, {"table": table, **properties, **remarks}, table)
            continue
        _merge(constraint, properties)
        constraint.update({f"index {name}": text for name, text in remarks.items()})


def _merge(constraint: Properties, index: Properties) -> None:
    """Add what a constraint does not tell itself about its index."""
    index.pop("unique", None)
    if index["keys"] == constraint.get("columns"):
        del index["keys"]
    constraint.update(index)
