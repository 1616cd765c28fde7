"""Which archived rows cannot be put back: conditions on an archived row ``a``, as SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.postgres.archives.archive_store import archived
from wish_rollout.postgres.archives.row_copies import AFTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.archive.archive import ArchivedObject
    from wish_rollout.postgres.archives.table_description import ForeignKey, TableDescription


class RestoreConditions:
    """Conditions for the rows of one archived object.

    ``stored``: the archive table; ``target``: the table that the rows are put back into.
    """

    def __init__(self, kept: ArchivedObject, stored: TableDescription, target: TableDescription) -> None:
        self.kept = kept
        self.stored = stored
        self.target = target
        # a key of a table does not include the rows of its child tables
        self.table = f"only {kept.table}" if target.has_children else kept.table

    def unwritten(self) -> str:
        """Return the condition that a value is what the rollback or the release itself has left there."""
        column = self.target.columns[self.kept.columns[0]]
        if self.kept.kind == "values":
            return f"t.{column.name} is not distinct from a.{AFTER}::{column.type}"
        name = column.name.replace("'", "''")
        added = (
            f"(select (attmissingval::text::{column.type}[])[1]::text from pg_attribute "
            f"where attrelid = t.tableoid and quote_ident(attname) = '{name}')"
        )
        has_default = column.default and "nextval(" not in column.default
        default = f" or t.{column.name}::text = ({column.default})::text" if has_default else ""
        return f"t.{column.name} is null{default} or t.{column.name}::text = {added}"

    def conflicts(self, columns: Sequence[str], *, of_update: bool = False) -> Iterator[str]:
        """Yield the conditions under which an archived row ``a`` cannot be in the table."""
        for key in self.target.unique_keys:
            if set(key) <= set(columns):
                same = " and ".join(f"t.{name} = {self.cast(name)}" for name in key)
                yield f"exists (select from {self.table} as t where {same})"
        for foreign in self.target.foreign_keys:
            if set(foreign.columns) <= set(columns):
                yield self._lacks_referenced(foreign, of_update=of_update)

    def _lacks_referenced(self, key: ForeignKey, *, of_update: bool) -> str:
        pairs = list(zip(key.referenced, key.columns, strict=True))
        given = " and ".join(f"a.{name} is not null" for name in key.columns)
        same = " and ".join(f"p.{parent} = {self.cast(name)}" for parent, name in pairs)
        lacks = f"not exists (select from {key.table} as p where {same})"
        if key.to_itself and not of_update:
            own = " and ".join(f"p.{parent} = a.{name}" for parent, name in pairs)
            lacks += f" and not exists (select from {archived(self.kept.relation)} as p where {own})"
        return f"({given} and {lacks})"

    def cast(self, name: str, alias: str = "a") -> str:
        """Return the expression for an archived value in the type of the table's column."""
        kind = self.target.columns[name].type
        same = self.stored.columns[name].type == kind
        return f"{alias}.{name}" if same else f"{alias}.{name}::text::{kind}"
