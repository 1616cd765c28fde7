"""Formats the keys of indexes: column or expression, then collation, operator class and order if not the default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.postgres.catalog.catalog_rows import Properties, Row, parse_options
from wish_rollout.postgres.expressions.expression_normalization import normalize_expression
from wish_rollout.postgres.expressions.expression_tokens import Group, parse_tokens, split_at_commas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects

# By pg_index.indoption: bit 1 is DESC, bit 2 is NULLS FIRST. NULLS FIRST is the default of DESC.
_ORDERS: dict[str, list[str]] = {"0": [], "1": ["DESC NULLS LAST"], "2": ["NULLS FIRST"], "3": ["DESC"]}


_NO_COLLATION, _DEFAULT_COLLATION = (
    "0",
    "100",
)  # OIDs: of types without collations, and of the database's default
_COMMON_COLLATIONS = frozenset({_NO_COLLATION, _DEFAULT_COLLATION})


@dataclass(slots=True)
class _KeyShape:
    """The catalog columns that describe the keys of an index: one list entry for each key.

    ``numbers``: column numbers, 0 for an expression. ``endings``: what follows each column name; empty if it
    depends on the index or its table.
    """

    numbers: list[int]
    classes: list[str]
    collations: list[str]
    orders: list[str]
    endings: list[str] = field(default_factory=list)


def name_operator_classes(rows: Iterable[Row]) -> dict[str, str | None]:
    """Return the names of operator classes by OID, None for default ones, from rows of operator_class_names.sql."""
    return {str(oid): None if default else name for oid, name, default in rows}


class IndexKeyFormatter:
    """Formats the keys of an index.

    The text after a column's name is equal for all indexes of the same shape, so it is formatted once for each shape.
    """

    CELLS = (
        "_oid",
        "_relation",
        "_key_count",
        "_expressions",
        "_keys",
        "_classes",
        "_collations",
        "_orders",
    )
    """The columns of indexes.sql that ``properties`` takes."""

    def __init__(
        self, classes: Mapping[str, str | None], collations: Iterable[Row], columns: Iterable[Row]
    ) -> None:
        self.classes = classes
        self.collations = {str(oid): name for oid, name in collations}
        self.columns = {
            (index, number): (parameters, target) for index, number, parameters, target in columns
        }
        self.shapes: dict[tuple[str, ...], _KeyShape] = {}

    def properties(self, cells: Row, found: CatalogObjects) -> Properties:
        """Return the keys, the INCLUDE columns and the statistics targets of an index.

        ``cells``: the values of ``CELLS``. The columns of the index's table must have been read into ``found``.
        """
        index, relation, count, expressions, *text = cells
        columns = found.columns[relation]
        shape = self.shapes.get(key := tuple(text))
        if shape is None:
            shape = self.shapes[key] = self._read_shape(*text)
        if shape.endings and expressions is None and not self._has_column_collation(relation, shape, found):
            keys = [
                columns[number] + ending for number, ending in zip(shape.numbers, shape.endings, strict=False)
            ]
        else:
            names = [
                columns[number] if number else normalize_expression(expressions[position])
                for position, number in enumerate(shape.numbers[:count], start=1)
            ]
            collations = self._shown_collations(relation, shape, expressions, found)
            keys = self._format_keys(index, names, shape, collations)
        properties: Properties = {"keys": keys[:count]}
        if len(shape.numbers) > count:
            properties["include"] = [columns[number] for number in shape.numbers[count:]]
        targets = {
            str(position): target
            for position in (range(1, count + 1) if self.columns else ())
            if (target := self.columns.get((index, position), (None, None))[1]) is not None
        }
        return {**properties, "statistics targets": targets} if targets else properties

    @staticmethod
    def _has_column_collation(relation: int, shape: _KeyShape, found: CatalogObjects) -> bool:
        """Return whether a key column has a collation that is not the database's default."""
        collations = found.collations
        return bool(collations) and any((relation, number) in collations for number in shape.numbers)

    def _read_shape(self, keys: str, classes: str, collations: str, orders: str) -> _KeyShape:
        """Return the shape; with endings unless a key has a collation or operator class parameters."""
        shape = _KeyShape(list(map(int, keys.split())), classes.split(), collations.split(), orders.split())
        if not self.columns and _COMMON_COLLATIONS.issuperset(shape.collations):
            parts = zip(shape.classes, shape.orders, strict=False)
            shape.endings = [
                "".join(f" {word}" for word in (*self._format_class(oid, None), *_ORDERS[order]))
                for oid, order in parts
            ]
        return shape

    def _format_keys(
        self, index: int, names: Sequence[str], shape: _KeyShape, collations: Sequence[str | None]
    ) -> list[str]:
        keys = []
        parts = zip(names, shape.classes, collations, shape.orders, strict=False)
        for position, (name, operator_class, collation, order) in enumerate(parts, start=1):
            words = [name, f"COLLATE {collation}"] if collation else [name]
            words += self._format_class(operator_class, self.columns.get((index, position), (None, None))[0])
            keys.append(" ".join([*words, *_ORDERS[order]]))
        return keys

    def _shown_collations(
        self,
        relation: int,
        shape: _KeyShape,
        expressions: Sequence[str | None] | None,
        found: CatalogObjects,
    ) -> list[str | None]:
        """Return the name of each key's collation, or None where it is not shown.

        The collation of a column key is shown if it differs from the column's. The implicit collation of an
        expression depends on all its parts, so the collation of an expression key is shown if it is not the
        database's default, or if the CREATE INDEX statement of the server contains it.
        """
        shown: list[str | None] = []
        for position, (number, collation) in enumerate(zip(shape.numbers, shape.collations, strict=False)):
            if number:
                is_implicit = collation == str(found.collations.get((relation, number), _DEFAULT_COLLATION))
            else:
                is_implicit = collation == _DEFAULT_COLLATION and not _has_collate(expressions, position)
            shown.append(None if is_implicit or collation == _NO_COLLATION else self.collations[collation])
        return shown

    def _format_class(self, oid: str, options: Iterable[str] | None) -> list[str]:
        name = self.classes[oid]
        parameters = parse_options(options)
        if parameters:
            assignments = ", ".join(f"{key}={value}" for key, value in parameters.items())
            return [f"{name or 'default operator class'} ({assignments})"]
        return [name] if name else []


def _has_collate(expressions: Sequence[str | None] | None, position: int) -> bool:
    """Return whether a key has a COLLATE clause in the CREATE INDEX statement, which is the first expression."""
    statement = expressions[0] if expressions else None
    if statement is None or " COLLATE " not in statement:
        return False
    items = parse_tokens(statement)
    keys = next(item for item in items[items.index("USING") :] if isinstance(item, Group))
    return "COLLATE" in split_at_commas(keys)[position]
