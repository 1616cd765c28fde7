"""Removal of the files in which ops store their outputs for other processes of the same run."""

from __future__ import annotations

import shutil
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wish_rollout.config import Config

FOLDER = ".dagster"
DAYS_KEPT = 30
"""How long the outputs of a run of Dagster's daemon are kept, for its re-execution from a failed step."""

REPLAYS_KEPT = 20
"""How many of the newest stored replays are kept. A missing one is made again on a scratch database."""


def remove_step_files(config: Config, run_id: str) -> None:
    """Remove the outputs of a run that has ended in this process, those of runs older than DAYS_KEPT, and old replays.

    Nobody reads the outputs after the run. What cannot be removed stays.
    """
    folder = config.root / FOLDER
    shutil.rmtree(folder / run_id, ignore_errors=True)
    shutil.rmtree(folder / "storage" / run_id, ignore_errors=True)
    oldest = time.time() - DAYS_KEPT * 86_400
    for parent in (folder, folder / "storage"):
        with suppress(OSError):
            for path in parent.iterdir():
                if _is_run_folder(path.name) and path.stat().st_mtime < oldest:
                    shutil.rmtree(path, ignore_errors=True)

    with suppress(OSError):
        replays = sorted((folder / "replays").iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in replays[REPLAYS_KEPT:]:
            shutil.rmtree(path, ignore_errors=True)


def _is_run_folder(name: str) -> bool:
    with suppress(ValueError):
        return str(uuid.UUID(name)) == name
    return False
