"""Constraints and indexes. An index behind a constraint is a part of that constraint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.rows import Properties, Row, options, plain
from wish_rollout.postgres.settling import settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wish_rollout.postgres.reading import Reading

# By pg_index.indoption: bit 1 is DESC, bit 2 NULLS FIRST, and each of the two has a default for the other.
_ORDERS: dict[str, list[str]] = {"0": [], "1": ["DESC NULLS LAST"], "2": ["NULLS FIRST"], "3": ["DESC"]}


def add_constraints(
    reading: Reading, names: Sequence[str], rows: Iterable[Row], firing: Mapping[int, str]
) -> dict[int, Properties]:
    """Add constraints; give the properties of those with an index, by the index's number.

    ``firing``: how a foreign key's internal triggers fire, where not as usual.
    """
    behind: dict[int, Properties] = {}
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        properties = plain(names, cells)
        owner = reading.tables.get(row["_relation"]) or row["_domain"]
        properties.update(reading.remarks("pg_constraint", row["_oid"]))
        if row["_oid"] in firing:
            properties["triggers"] = firing[row["_oid"]]
        columns = reading.columns.get(row["_relation"], {})
        if row["_columns"] and properties["type"] != "check":
            properties["columns"] = [columns[number] for number in row["_columns"] if number > 0]
        if row["_referenced"]:
            _reference(reading, row, properties, columns)
        elif row["_index"]:
            behind[row["_index"]] = properties
        reading.add("constraint", f"{owner}.{row['_name']}", properties)
    return behind


def _reference(
    reading: Reading, row: dict[str, Any], properties: Properties, columns: Mapping[int, str]
) -> None:
    if row["_elsewhere"]:
        properties["references"], *properties["referenced columns"] = row["_elsewhere"]
    else:
        there = reading.columns[row["_referenced"]]
        properties["references"] = reading.tables[row["_referenced"]]
        properties["referenced columns"] = [there[number] for number in row["_referenced_columns"]]
    if row["_set_columns"]:
        properties["on delete columns"] = sorted(columns[number] for number in row["_set_columns"])


class Keys:
    """How the keys of an index are written: column or expression, and what is not the default."""

    def __init__(self, classes: Iterable[Row], collations: Iterable[Row], columns: Iterable[Row]) -> None:
        self.classes = {str(oid): None if default else name for oid, name, default in classes}
        self.plain = {number for number, name in self.classes.items() if name is None}
        self.collations = {str(oid): name for oid, name in collations}
        self.columns = {
            (index, number): (parameters, target) for index, number, parameters, target in columns
        }

    def properties(self, row: Mapping[str, Any], reading: Reading) -> Properties:
        """Give the keys, and the columns that are merely included."""
        columns = reading.columns[row["_relation"]]
        numbers = [int(number) for number in row["_keys"].split()]
        found: Properties = {"keys": self._keys(row, numbers, reading)}
        if len(numbers) > row["_key_count"]:
            found["include"] = [columns[number] for number in numbers[row["_key_count"] :]]
        if self.columns:
            targets = {
                str(place): target
                for place in range(1, row["_key_count"] + 1)
                if (target := self.columns.get((row["_oid"], place), (None, None))[1]) is not None
            }
            if targets:
                found["statistics targets"] = targets
        return found

    def _keys(self, row: Mapping[str, Any], numbers: list[int], reading: Reading) -> list[str]:
        columns = reading.columns[row["_relation"]]
        keys = []
        parts = zip(
            numbers, row["_classes"].split(), row["_collations"].split(), row["_orders"].split(), strict=False
        )
        for place, (number, operator_class, collation, order) in enumerate(parts):
            words = [columns[number] if number else settled(row["_expressions"][place])]
            named = self.collations.get(collation)
            if named is not None:
                own = reading.collations.get((row["_relation"], number))
                words += [] if str(own) == collation else [f"COLLATE {named}"]
            if operator_class not in self.plain or self.columns:
                words += self._class(
                    operator_class, self.columns.get((row["_oid"], place + 1), (None, None))[0]
                )
            words += _ORDERS[order]
            keys.append(" ".join(words) if len(words) > 1 else words[0])
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
    for cells in rows:
        row = dict(zip(names, cells, strict=True))
        table = reading.tables.get(row["_relation"])
        if table is None:
            continue
        properties = plain(names, cells)
        properties.update(keys.properties(row, reading))
        remarks = reading.remarks("pg_class", row["_oid"])
        constraint = behind.get(row["_oid"])
        if constraint is None:
            reading.add("index", row["_name"], {"table": table, **properties, **remarks})
            continue
        _merge(constraint, properties)
        constraint.update({f"index {name}": text for name, text in remarks.items()})


def _merge(constraint: Properties, index: Properties) -> None:
    """Add what a constraint does not tell itself about its index."""
    index.pop("unique", None)
    if index["keys"] == constraint.get("columns"):
        del index["keys"]
    constraint.update(index)
