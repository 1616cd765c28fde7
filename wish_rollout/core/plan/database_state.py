"""What was seen of a database at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.core.schema.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server, the role's rights in the database, and Alembic's revisions there (a row a head).

    ``instance``: which database of which running server it is, whatever its address. ``cluster``: the cluster's
    system identifier, which its physical replicas have as well; empty where the server does not tell. ``ledger``: whether there is
    one. ``writes_ledger``: whether the role may append to it, or make it.
    """

    version_num: int
    version: str
    database: str
    role: str
    in_recovery: bool
    read_only: bool
    creates_in_database: bool
    creates_in_schemas: tuple[str, ...]
    revisions: tuple[str, ...]
    ledger: bool = False
    writes_ledger: bool = True
    instance: str = ""
    cluster: str = ""

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.version_num // 10_000

    @property
    def place(self) -> str:
        """The database by its name and its cluster, which stay when an address changes."""
        return f"{self.database} of cluster {self.cluster}" if self.cluster else self.database


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """A live database: its facts and its schema, read in one snapshot transaction."""

    facts: ServerFacts
    snapshot: Snapshot
