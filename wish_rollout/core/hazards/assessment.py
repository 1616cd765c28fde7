"""Assess the hazards of pending revisions on the current database.

What a statement locks, reads and rewrites is measured on a scratch server. Rules find what cannot be measured: what breaks
the running application, what is lost, and what makes queries slower. Without measurements, rules assess everything.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.blocked_tables import TransactionLocks
from wish_rollout.core.hazards.measured_hazards import LOCK_KINDS, MeasuredHazards
from wish_rollout.core.hazards.revision_steps import revision_steps
from wish_rollout.core.hazards.rules import (
    constraints,
    drops,
    held_locks,
    index_build,
    index_drop,
    not_null,
    partition_attach,
    secrets,
    table_rewrite,
    type_change,
    whole_table_statements,
)
from wish_rollout.core.hazards.rules.application import application_breaks, renames
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from wish_rollout.core.hazards.hazard import Hazard, LiveFacts, RevisionStep
    from wish_rollout.core.hazards.pending_revision import PendingRevision

RULES = (
    index_build.assess,
    index_drop.assess,
    table_rewrite.assess,
    type_change.assess,
    not_null.assess,
    constraints.assess,
    drops.assess,
    renames.assess,
    partition_attach.assess,
    whole_table_statements.assess,
    application_breaks.assess,
    secrets.assess,
)
KINDS = LOCK_KINDS | {
    index_drop.KIND,
    drops.TABLE,
    drops.COLUMN,
    drops.VIEW,
    renames.KIND,
    held_locks.KIND,
    *application_breaks.KINDS,
    secrets.KIND,
}
"""Every kind that a revision can allow."""
NOT_MEASURED = (
    "Assessed from the text of the statements: no measurement is recorded for this revision "
    "(wish-rollout generate --record)."
)


def judge_hazards(
    pending: Iterable[PendingRevision],
    live: LiveFacts,
    allowed: Mapping[str, Mapping[str, str]],
    *,
    one_transaction: bool = False,
) -> tuple[Hazard, ...]:
    """Return the hazards of the pending revisions on a database, in the order of the revisions.

    ``allowed``: revision → kind → the reason that its script gives. ``one_transaction``: all revisions run in one.
    """
    locks = TransactionLocks()
    found: list[Hazard] = []
    for step in revision_steps(pending, live):
        locks.begin_revision(shares_transaction=one_transaction)
        found += [_with_line(step, hazard) for hazard in _assess_step(step, locks)]
    reasons = (allowed.get(hazard.revision, {}).get(hazard.kind, "") for hazard in found)
    return tuple(replace(hazard, allowed=reason) for hazard, reason in zip(found, reasons, strict=True))


def _with_line(step: RevisionStep, hazard: Hazard) -> Hazard:
    """Return a hazard with the line of the statement that names its subject, or else its table."""
    for name in (hazard.subject.rpartition(".")[2], split_last(hazard.table)[1]):
        for statement in step.executed:
            if statement.measured and statement.measured.line and unquote_identifier(name) in statement.text:
                return replace(hazard, line=statement.measured.line)
    return hazard


def _assess_step(step: RevisionStep, locks: TransactionLocks) -> Iterator[Hazard]:
    candidates = [hazard for rule in RULES for hazard in rule(step)]
    if not step.is_measured:
        yield from (replace(hazard, why=f"{hazard.why} {NOT_MEASURED}") for hazard in candidates)
        return
    found = MeasuredHazards(step, candidates).collect(locks)
    yield from found
    names = {hazard.name for hazard in found}
    is_complete = all(each.measured and each.measured.locks is not None for each in step.executed)
    for hazard in candidates:
        if hazard.kind not in LOCK_KINDS:
            lock = locks.strongest_lock(hazard.table)
            yield replace(hazard, lock=hazard.lock if lock == "none" and not is_complete else lock)
        elif hazard.name not in names and type_change.depends_on_time_zone(step, hazard):
            yield hazard
