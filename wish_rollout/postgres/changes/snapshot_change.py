"""A change of a snapshot: the objects that were read again, as they were before and as they are now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wish_rollout.postgres.changes.changed_units import Units

if TYPE_CHECKING:
    from wish_rollout.core.schema.snapshot import Key
    from wish_rollout.postgres.catalog.catalog_objects import CatalogObjects
    from wish_rollout.postgres.changes.written_rows import Listing, Written

Objects = dict["Key", Any]


@dataclass(slots=True)
class Change:
    """What a change did to the objects of a snapshot: as they were, and as they are; a key may be in either."""

    before: Objects = field(default_factory=dict)
    after: Objects = field(default_factory=dict)
    reading: CatalogObjects | None = None
    units: Units = field(default_factory=Units)
    written: Written | None = None
    listed: Listing | None = None

    @property
    def keys(self) -> set[Key]:
        """The objects that were read again."""
        return self.before.keys() | self.after.keys()
