"""Records of a database that logical replication fills from another database."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReceivedRecords:
    """A subscription, the records that it fills (ledger, journal, version table), and its other tables.

    All names are quoted as by quote_ident().
    """

    subscription: str
    records: tuple[str, ...]
    others: tuple[str, ...]
