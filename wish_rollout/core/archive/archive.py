"""An archive as a value: what one rollback kept, in which tables of the schema ``wish_rollout_archive``."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from wish_rollout.core.archive.losses import Loss, LossKind

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE_NUMBER = re.compile(r"_(\d+)(v|c\d+)?$")


class ArchiveState(StrEnum):
    """What has become of an archive."""

    OPEN = "open"
    """Its rollback has committed a part, and was interrupted."""
    WAITING = "waiting"
    """It can be restored when its release is applied again."""
    PARTLY_RESTORED = "partly restored"
    """It contains rows that could not be restored."""
    RESTORED = "restored"
    """All of it is back in its tables; it is empty."""
    PURGED = "purged"
    """It was deleted."""


@dataclass(frozen=True, slots=True)
class ArchivedObject:
    """A lost table, column, or values of a column, and the archive table that contains them.

    ``relation``: the archive table's own name. ``key``: the columns that identify a row of ``table``. ``columns``: the
    archived columns of ``table`` without the key, or all columns of a whole table. ``moved``: the archive table is the
    lost table itself. ``type``: of the column, when it was archived. ``later``: see ``Loss``. ``rows`` and ``checksum``:
    None until they are known.
    """

    kind: LossKind
    table: str
    relation: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    moved: bool = False
    type: str = ""
    later: tuple[str, str] = ("", "")
    rows: int | None = None
    checksum: str | None = None

    @property
    def loss(self) -> Loss:
        """The loss that this keeps."""
        column = "" if self.kind == "table" else self.columns[0]
        return Loss(self.kind, self.table, column, self.later)

    @property
    def stored_columns(self) -> tuple[str, ...]:
        """The columns of the archive table."""
        return self.columns if self.kind == "table" else (*self.key, *self.columns)

    def summary(self) -> dict[str, Any]:
        """Return what the ledger and the asset record: names and numbers, no values."""
        return {"object": str(self.loss), "rows": self.rows, "checksum": self.checksum, "moved": self.moved}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ArchivedObject:
        """Return the object that ``as_dict`` returned as JSON values."""
        lists = {name: tuple(document[name]) for name in ("columns", "key", "later")}
        return cls(**{**document, **lists})

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Archive:
    """What one rollback kept.

    ``start``, ``end``: the revisions of the rollback. ``ledger_row``: the number of its row. ``sequences``: name → last
    value of the lost sequences. ``types``: names of the archive's own enums.
    """

    number: int
    environment: str
    version_table: str
    start: str
    end: str
    created: str
    keep: str
    state: ArchiveState
    objects: tuple[ArchivedObject, ...] = ()
    sequences: Mapping[str, int] = field(default_factory=dict)
    types: tuple[str, ...] = ()
    ledger_row: int | None = None
    size: int = 0

    @property
    def rows(self) -> int:
        """The number of rows in all archive tables."""
        return sum(each.rows or 0 for each in self.objects)

    @property
    def waits(self) -> bool:
        """Whether something in it can still be restored."""
        return self.state in (ArchiveState.WAITING, ArchiveState.PARTLY_RESTORED)

    def next_relation(self, more: int = 0) -> str:
        """Return the name of the archive's next table, or of one after that."""
        used = [int(found[1]) for each in self.objects if (found := TABLE_NUMBER.search(each.relation))]
        return f"a{self.number}_{max(used, default=0) + 1 + more}"

    def summary(self) -> dict[str, Any]:
        """Return what the ledger records of it."""
        return {"archive": self.number, "objects": [each.summary() for each in self.objects]}

    def as_dict(self) -> dict[str, Any]:
        """Return what ``archives --json`` shows."""
        return {
            "archive": self.number,
            "environment": self.environment,
            "state": self.state.value,
            "from": self.start,
            "to": self.end,
            "created": self.created,
            "keep": self.keep,
            "ledger_row": self.ledger_row,
            "rows": self.rows,
            "bytes": self.size,
            "objects": [each.summary() for each in self.objects],
        }
