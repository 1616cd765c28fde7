"""Collection of a release's evidence: from the ledgers, the release's records, and Dagster's instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from wish_rollout.core.approval.documents import TIME_FORMAT, ApprovalStatement
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.evidence import EvidenceMissing
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.release.release import parse_position
from wish_rollout.core.reports.evidence import EnvironmentEvidence, Evidence, EvidenceApproval, EvidenceRow
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.delta_rendering import delta_lines
from wish_rollout.defs.asset_keys import schema_key
from wish_rollout.defs.checks import VERIFICATION_CHECKS
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.runs.instance import open_instance
from wish_rollout.postgres.records import ledger
from wish_rollout.rollout.approval.approvals import approval_text
from wish_rollout.rollout.approval.ledger_guard import signing_key
from wish_rollout.rollout.inspection.revision_evidence import collect_revisions
from wish_rollout.signing.verification import split_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from wish_rollout.core.ledger import Act, LedgerEntry
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


def collect_evidence(
    project: Project,
    targets: Sequence[Target],
    release: str = "",
    progress: Callable[[str], None] = lambda _: None,
) -> Evidence:
    """Return the evidence of a release. ``release``: its digest or the beginning of it; default: the current one.

    Raises EvidenceMissing, and errors of the databases and of Dagster's instance.
    """
    ledgers: dict[str, list[LedgerEntry]] = {}
    for target in targets:
        progress(target.name)
        with target.connect() as connection:
            ledgers[target.name] = list(ledger.read(connection))
    digest = _find_release(project, release, ledgers)
    with open_instance(project.config) as instance:
        environments = tuple(
            EnvironmentEvidence(name, tuple(_rows(project, instance, name, rows)))
            for name, entries in ledgers.items()
            if (rows := [entry for entry in entries if entry.act.release == digest])
        )
    acts = [row.entry.act for each in environments for row in each.rows]
    return Evidence(project.config.project.name, digest, environments, collect_revisions(project, acts))


def _find_release(project: Project, release: str, ledgers: Mapping[str, Iterable[LedgerEntry]]) -> str:
    wanted = release or project.release_digest
    digests = {entry.act.release for entries in ledgers.values() for entry in entries if entry.act.release}
    found = sorted(each for each in digests if each.startswith(wanted))
    if not found:
        raise EvidenceMissing(wanted, f"no row of {', '.join(ledgers)} names it")
    if len(found) > 1:
        raise EvidenceMissing(wanted, f"{len(found)} releases begin with it")
    return found[0]


def _rows(
    project: Project, instance: dg.DagsterInstance, name: str, entries: Sequence[LedgerEntry]
) -> Iterator[EvidenceRow]:
    """Yield the rows of an environment with what Dagster's instance has of them."""
    has_approvals = any(entry.act.nonce for entry in entries)
    documents = (
        approval_store.read_approval_documents(instance, name, project.config.project.name)
        if has_approvals
        else []
    )
    nonces = {entry.act.nonce for entry in entries if entry.act.nonce}
    plans = approval_store.read_plans(instance, name, nonces, project.config.project.name)
    for entry in entries:
        checks = tuple(_checks(project, instance, name, entry.act.run)) if entry.act.after else ()
        approvals, plan = tuple(_approvals(documents, entry)), plans.get(entry.act.nonce or "", "")
        yield EvidenceRow(entry, _delta(project, entry.act), approvals, checks, plan)


def _delta(project: Project, act: Act) -> tuple[str, ...] | None:
    """Return the promised delta of an act; None if the records do not have its revisions."""
    try:
        start, end = (project.history.at(parse_position(text)) for text in (act.start, act.end))
    except RolloutError:
        return None
    return tuple(map(str, delta_lines(difference(start, end))))


def _approvals(documents: Iterable[str], entry: LedgerEntry) -> list[EvidenceApproval]:
    """Return the approvals that a row used, by their approvers' names. Dagster's instance has the signatures."""
    if not entry.act.nonce:
        return []
    used = {each for each in documents if approval_store.approval_nonce(each) == entry.act.nonce}
    return sorted((_approval(each) for each in used), key=lambda each: (each.approver, each.document))


def _approval(document: str) -> EvidenceApproval:
    statement = ApprovalStatement.from_text(approval_text(document))
    requested = statement.request.requested.strftime(TIME_FORMAT)
    key = signing_key(*split_document(document))
    return EvidenceApproval(document, statement.approver, statement.reason, requested, key)


def _checks(project: Project, instance: dg.DagsterInstance, name: str, run: str) -> list[Check]:
    """Return the checks of the verification in a run, by name."""
    key = schema_key(name, project.config.project.name)
    logs: Sequence[Any] = (
        instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION) if run else []
    )
    found: dict[str, Check] = {}
    for each in logs:
        evaluation = each.dagster_event.asset_check_evaluation_data
        if evaluation.asset_key == key and evaluation.check_name in VERIFICATION_CHECKS:
            found[evaluation.check_name] = Check(
                evaluation.check_name, evaluation.passed, evaluation.description or ""
            )
    return [found[check] for check in sorted(found)]
