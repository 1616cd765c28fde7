"""The state of a database, read at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.environment.baseline import Baseline
    from wish_rollout.core.plan.received_records import ReceivedRecords
    from wish_rollout.core.schema.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server, the role's privileges in the database, and the rows of Alembic's version table.

    ``instance``: identifies the database of a running server, whatever its address is. ``cluster``: the system
    identifier of the cluster, which its physical replicas share; empty if the server does not report it.
    ``ledger``: whether there is a ledger. ``writes_ledger``: whether the role may append to it or create it.
    ``pooled``: whether a connection pooler is between client and server. ``settings``: those of a new session that change
    what a statement does. ``writes_version_table``: whether the role may change Alembic's
    version table, or there is none. ``version_length``: how many characters a row of it can have; 0: any number, or there
    is no such table. ``received``: the subscription that fills records of this program, if there is one.
    ``unidentified_in``: the publication that has the version table, if no index or setting identifies its rows; else "".
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
    pooled: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    writes_version_table: bool = True
    version_length: int = 0
    unidentified_in: str = ""
    received: ReceivedRecords | None = None

    @property
    def major(self) -> int:
        """The server's major version."""
        return self.version_num // 10_000

    @property
    def permanent_identity(self) -> str:
        """Identifies the database across restarts, renames and addresses: its OID, and the cluster's identifier."""
        return f"{self.instance.rpartition(' ')[2]} of cluster {self.cluster or 'unknown'}"

    @property
    def database_identity(self) -> str:
        """The names of the database and its cluster, which do not change when the server's address does."""
        return f"{self.database} of cluster {self.cluster}" if self.cluster else self.database


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """Facts and schema of a live database, read in one REPEATABLE READ transaction.

    ``baseline``: the one that the ledger records; None if it records none, or cannot be read. ``reading``: what
    ``postgres.catalog`` has read for the snapshot, if it is kept; what follows the changes of a migration begins with it.
    """

    facts: ServerFacts
    snapshot: Snapshot
    baseline: Baseline | None = None
    reading: Any = field(default=None, compare=False, repr=False)
