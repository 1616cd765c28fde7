"""``<revision>_measurements.json``: what the statements of a revision lock, scan and rewrite, beside its other records.

The file names the digest of the revision's scripts. A file of other scripts, of another format, or that cannot be read
counts as absent: the statements then run as statements that were not measured.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wish_rollout.core.release.measurements import RevisionMeasurements, StatementMeasurement
from wish_rollout.revisions.records.file_replacement import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wish_rollout.core.release.release import Revision

FORMAT = 1
SUFFIX = "_measurements.json"


def read_measurements(folder: Path, revision: Revision) -> RevisionMeasurements | None:
    """Return what was measured of a revision, or None if nothing usable is recorded in the folder."""
    try:
        content = json.loads((folder / f"{revision.id}{SUFFIX}").read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["digest"] != revision.digest:
            return None
        upgrade, downgrade = (
            tuple(StatementMeasurement.from_json(each) for each in content[way])
            for way in ("upgrade", "downgrade")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return RevisionMeasurements(upgrade, downgrade)


def write_measurements(
    folder: Path, revisions: Sequence[Revision], measured: Mapping[str, RevisionMeasurements]
) -> None:
    """Write the files of the revisions, and remove those of others.

    A reader never sees a part of a file. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for revision in revisions:
        if revision.id in measured:
            found = measured[revision.id]
            text = (
                f'{{"format": {FORMAT}, "digest": "{revision.digest}",\n'
                f'"upgrade": {_lines(found.upgrade)},\n"downgrade": {_lines(found.downgrade)}}}\n'
            )
            replace_file(folder / f"{revision.id}{SUFFIX}", text)
    names = {f"{revision.id}{SUFFIX}" for revision in revisions}
    for stale in folder.glob(f"*{SUFFIX}"):
        if stale.name not in names:
            stale.unlink(missing_ok=True)


def _lines(statements: Sequence[StatementMeasurement]) -> str:
    """Return a JSON array with a line for each statement."""
    lines = ",\n  ".join(json.dumps(each.as_json(), ensure_ascii=False) for each in statements)
    return f"[\n  {lines}\n]" if lines else "[]"
