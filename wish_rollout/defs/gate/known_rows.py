"""What Dagster's events say of the ledgers of databases: a second record, besides the ledger itself."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.ledger import NOTHING_KNOWN, KnownRows, LedgerHead
from wish_rollout.defs.asset_keys import approval_key
from wish_rollout.defs.gate.approval_events import DATABASE, LEDGER, USED
from wish_rollout.defs.gate.approval_metadata import metadata_texts, parse_request_metadata
from wish_rollout.defs.gate.approval_store import PAGE_SIZE, read_observations

if TYPE_CHECKING:
    from collections.abc import Iterator

    import dagster as dg

    from wish_rollout.defs.gate.approval_events import RecordedRequest


@dataclass
class _Found:
    heads: dict[tuple[LedgerHead, str], None] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)


def read_known_rows(
    instance: dg.DagsterInstance, environment: str, database: str, project: str = ""
) -> KnownRows:
    """Return what Dagster's events say of the ledger of a database: rows that it must have, and used approvals.

    ``database``: as ``ServerFacts.database_identity``. The newest events are read, and all that are as recent as a
    valid approval. A forged event can only close a gate.
    """
    return read_rows_by_database(instance, environment, project).get(database, NOTHING_KNOWN)


def read_rows_by_database(
    instance: dg.DagsterInstance, environment: str, project: str = ""
) -> dict[str, KnownRows]:
    """Return the same for each database of an environment; a fleet has several."""
    found: dict[str, _Found] = {}
    for values, run_id in (
        *_newest_observations(instance, environment, project),
        *read_observations(instance, environment, project),
    ):
        if USED in values:
            rows = found.setdefault(values.get(DATABASE, ""), _Found())
            rows.used[values[USED]] = f"recorded by Dagster, run {values.get('run') or 'unknown'}"
            with suppress(ValueError):
                source = "Dagster recorded after the last use of an approval"
                rows.heads[LedgerHead.from_text(values.get(LEDGER, "")), source] = None
        elif recorded := parse_request_metadata(values, run_id):
            for database, head in _requested(recorded):
                rows = found.setdefault(database, _Found())
                rows.heads[head, f"the request {recorded.request.nonce:.12}… names"] = None
    return {database: KnownRows(tuple(rows.heads), rows.used) for database, rows in found.items()}


def _requested(recorded: RecordedRequest) -> Iterator[tuple[str, LedgerHead]]:
    """Yield the databases that a request names, with the last row that their ledgers had."""
    if not recorded.wave:
        yield recorded.request.subject.database, recorded.request.ledger
        return
    for target in recorded.wave.targets.values():
        with suppress(ValueError):
            yield target.database, LedgerHead.from_text(target.ledger)


def _newest_observations(
    instance: dg.DagsterInstance, environment: str, project: str
) -> Iterator[tuple[dict[str, str], str]]:
    for record in instance.fetch_observations(approval_key(environment, project), limit=PAGE_SIZE).records:
        if event := record.asset_observation:
            yield metadata_texts(event.metadata), record.run_id
