"""The keys of an index: column or expression, and what of its collation, operator class and order is not the default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.postgres.catalog.catalog_rows import Properties, Row, options
from wish_rollout.postgres.expressions.expression_normalization import normalize_expression
from wish_rollout.postgres.expressions.expression_tokens import Group, listed_in, parsed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects

# By pg_index.indoption: bit 1 is DESC, bit 2 NULLS FIRST, and each of the two has a default for the other.
_ORDERS: dict[str, list[str]] = {"0": [], "1": ["DESC NULLS LAST"], "2": ["NULLS FIRST"], "3": ["DESC"]}


_NONE, _DEFAULT = "0", "100"  # collations: of what has none, and the database's
_USUAL = frozenset({_NONE, _DEFAULT})


@dataclass(slots=True)
class _Shape:
    """How an index is made, whatever its columns are called. ``endings``: empty where each has to be looked at."""

    numbers: list[int]
    classes: list[str]
    collations: list[str]
    orders: list[str]
    endings: list[str] = field(default_factory=list)


class IndexKeyFormatter:
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

    def properties(self, cells: Row, reading: CatalogObjects) -> Properties:
        """Give the keys, and the columns that are merely included, of the cells that are wanted."""
        index, relation, count, expressions, *text = cells
        columns = reading.columns[relation]
        shape = self.shapes.get(key := tuple(text))
        if shape is None:
            shape = self.shapes[key] = self._shape(*text)
        if shape.endings and expressions is None and not self._collated(relation, shape, reading):
            keys = [
                columns[number] + ending for number, ending in zip(shape.numbers, shape.endings, strict=False)
            ]
        else:
            names = [
                columns[number] if number else normalize_expression(expressions[place])
                for place, number in enumerate(shape.numbers[:count], start=1)
            ]
            collations = self._told_collations(relation, shape, expressions, reading)
            keys = self._each(index, names, shape, collations)
        found: Properties = {"keys": keys[:count]}
        if len(shape.numbers) > count:
            found["include"] = [columns[number] for number in shape.numbers[count:]]
        targets = {
            str(place): target
            for place in (range(1, count + 1) if self.columns else ())
            if (target := self.columns.get((index, place), (None, None))[1]) is not None
        }
        return {**found, "statistics targets": targets} if targets else found

    @staticmethod
    def _collated(relation: int, shape: _Shape, reading: CatalogObjects) -> bool:
        """Tell whether a key's column has a collation that is not the database's default: few have."""
        found = reading.collations
        return bool(found) and any((relation, number) in found for number in shape.numbers)

    def _shape(self, keys: str, classes: str, collations: str, orders: str) -> _Shape:
        """Read the numbers; and what follows each key's name, unless a key has a collation or parameters of its own."""
        shape = _Shape(list(map(int, keys.split())), classes.split(), collations.split(), orders.split())
        if not self.columns and _USUAL.issuperset(shape.collations):
            parts = zip(shape.classes, shape.orders, strict=False)
            shape.endings = [
                "".join(f" {word}" for word in (*self._class(a, None), *_ORDERS[b])) for a, b in parts
            ]
        return shape

    def _each(
        self, index: int, names: Sequence[str], shape: _Shape, collations: Sequence[str | None]
    ) -> list[str]:
        """Write each key by itself."""
        keys = []
        parts = zip(names, shape.classes, collations, shape.orders, strict=False)
        for place, (name, operator_class, collation, order) in enumerate(parts, start=1):
            words = [name, f"COLLATE {collation}"] if collation else [name]
            words += self._class(operator_class, self.columns.get((index, place), (None, None))[0])
            keys.append(" ".join([*words, *_ORDERS[order]]))
        return keys

    def _told_collations(
        self, relation: int, shape: _Shape, expressions: Sequence[str | None] | None, reading: CatalogObjects
    ) -> list[str | None]:
        """Give the collations of keys by name: of a column's where it is not the column's own.

        What an expression has without being told hangs on all that is in it. So one that is not the database's
        default is told; and that one, where the server tells it of the whole index.
        """
        told: list[str | None] = []
        for place, (number, collation) in enumerate(zip(shape.numbers, shape.collations, strict=False)):
            if number:
                usual = collation == str(reading.collations.get((relation, number), _DEFAULT))
            else:
                usual = collation == _DEFAULT and not _collates(expressions, place)
            told.append(None if usual or collation == _NONE else self.collations[collation])
        return told

    def _class(self, number: str, given: Iterable[str] | None) -> list[str]:
        name = self.classes[number]
        parameters = options(given)
        if parameters:
            shown = ", ".join(f"{key}={value}" for key, value in parameters.items())
            return [f"{name or 'default operator class'} ({shown})"]
        return [name] if name else []


def _collates(expressions: Sequence[str | None] | None, place: int) -> bool:
    """Tell whether a key has a COLLATE of its own in the statement that makes the index, which comes first."""
    statement = expressions[0] if expressions else None
    if statement is None or " COLLATE " not in statement:
        return False
    items = parsed(statement)
    keys = next(item for item in items[items.index("USING") :] if isinstance(item, Group))
    return "COLLATE" in listed_in(keys)[place]
