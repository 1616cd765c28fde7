"""Writing of evidence to a folder, and its verification against the ledgers and the signatures."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate.evidence import EvidenceFolderTaken, InvalidEvidence
from wish_rollout.core.ledger import verify_chain
from wish_rollout.core.plan.verification_checks import Check
from wish_rollout.core.reports.evidence import Evidence
from wish_rollout.core.reports.evidence_files import EVIDENCE, evidence_files
from wish_rollout.postgres.records import ledger
from wish_rollout.rollout.approval.ledger_guard import signing_key
from wish_rollout.rollout.inspection.revision_evidence import check_revisions
from wish_rollout.signing.verification import split_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.reports.evidence import EnvironmentEvidence, EvidenceRow
    from wish_rollout.rollout.project.project import Project

MAX_BYTES = 64 * 2**20
"""A larger file is no evidence that this program wrote."""


def write_evidence(evidence: Evidence, folder: Path) -> bool:
    """Write the files of evidence to a new folder; return False if it has exactly these files already.

    The folder appears complete or not at all. Raises EvidenceFolderTaken.
    """
    files = evidence_files(evidence)
    if folder.exists():
        if not folder.is_dir() or _read_folder(folder) != files:
            raise EvidenceFolderTaken(str(folder), "it exists, with other contents")
        return False
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, content in files.items():
                (draft / name).write_bytes(content)
            draft.chmod(0o777 & ~_umask())
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise EvidenceFolderTaken(str(folder), error.strerror or type(error).__name__) from None
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder; a symbolic link, a folder or a file that is too large is left out."""
    return {
        each.name: each.read_bytes() if each.is_file() and not each.is_symlink() else b""
        for each in folder.iterdir()
        if each.lstat().st_size <= MAX_BYTES
    }


def read_evidence(folder: Path) -> tuple[Evidence, dict[str, bytes]]:
    """Return the evidence in a folder, and its files. Raises InvalidEvidence."""
    try:
        files = _read_folder(folder)
        evidence = Evidence.from_json(files[EVIDENCE].decode())
    except KeyError:
        raise InvalidEvidence(str(folder), f"it has no {EVIDENCE}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidEvidence(str(folder), reason or type(error).__name__) from None
    return evidence, files


def verify_evidence(project: Project, folder: Path) -> list[Check]:
    """Compare a folder with itself, with the signatures, and with the ledgers; return what was found.

    Raises InvalidEvidence, UnknownEnvironment, DatabaseUrlMissing.
    """
    evidence, files = read_evidence(folder)
    checks = [_check_files(files, evidence_files(evidence))]
    for each in evidence.environments:
        checks.append(_check_hashes(each))
        checks.extend(_check_approvals(each.environment, row) for row in each.rows if row.entry.act.nonce)
        checks.append(_check_ledger(project, each))
    return [*checks, check_revisions(project, evidence.revisions)]


def _check_files(found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> Check:
    wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    detail = f"not as {EVIDENCE} says: {', '.join(wrong)}" if wrong else f"{len(found)} files agree"
    return Check("files", not wrong, detail)


def _check_hashes(each: EnvironmentEvidence) -> Check:
    wrong = [str(row.entry.seq) for row in each.rows if not row.is_intact]
    detail = f"rows that were changed: {', '.join(wrong)}" if wrong else f"{len(each.rows)} rows are intact"
    return Check(f"{each.environment}: hashes", not wrong, detail)


def _check_approvals(environment: str, row: EvidenceRow) -> Check:
    """Check that each approval that the row names is there, with a valid signature by that key, for that plan."""
    faults = list(_approval_faults(row))
    names = ", ".join(approval.approver for approval in row.approvals)
    return Check(f"{environment}: approvals of row {row.entry.seq}", not faults, "; ".join(faults) or names)


def _approval_faults(row: EvidenceRow) -> Iterator[str]:
    act = row.entry.act
    signed = {}
    for approval in row.approvals:
        text, armor = split_document(approval.document)
        key = signing_key(text, armor)
        if not key:
            yield f"the signature of {approval.approver} is not valid"
        elif f"\nnonce: {act.nonce}\n" not in text or f"\nplan: {act.plan}\n" not in text:
            yield f"{approval.approver} has approved another plan"
        else:
            signed[approval.approver, key] = text
    for named in act.detail.get("approvals", []):
        if (named.get("approver"), named.get("key")) not in signed:
            yield f"the approval of {named.get('approver')} is missing"


def _check_ledger(project: Project, each: EnvironmentEvidence) -> Check:
    name = f"{each.environment}: ledger"
    try:
        with project.target(each.environment).connect() as connection:
            live = list(ledger.read(connection))
        verify_chain(each.environment, live)
    except RolloutError as error:
        return Check(name, passed=False, detail=error.fill(error.summary))
    hashes = {entry.seq: entry for entry in live}
    missing = [str(row.entry.seq) for row in each.rows if hashes.get(row.entry.seq) != row.entry]
    detail = (
        f"rows that the ledger does not have: {', '.join(missing)}" if missing else "has exactly these rows"
    )
    return Check(name, not missing, detail)
