"""Removal of old files: step outputs, which ops store for other processes and re-executions, and replays."""

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
"""How long the outputs of a run are kept, for a re-execution of some of its steps."""

REPLAYS_KEPT = 20
"""How many of the newest stored replays are kept. A missing one is made again on a scratch database."""


def remove_old_files(config: Config) -> None:
    """Remove the step outputs of runs older than DAYS_KEPT, and old replays. What cannot be removed stays."""
    folder = config.root / FOLDER
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
