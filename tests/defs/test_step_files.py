"""Files that runs leave behind are removed after a time."""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING

from wish_rollout.config import Config
from wish_rollout.defs.runs.step_files import DAYS_KEPT, REPLAYS_KEPT, remove_old_files

if TYPE_CHECKING:
    from pathlib import Path


def folder(path: Path, days: float) -> Path:
    """Create a folder with a file, last changed some days ago."""
    path.mkdir(parents=True)
    (path / "result").write_text("x")
    then = time.time() - days * 86_400
    os.utime(path, (then, then))
    return path


def test_old_outputs_and_replays_are_removed(tmp_path: Path) -> None:
    config = Config.model_validate({"root": tmp_path, "environment": [{"name": "prod"}]})
    remove_old_files(config)  # without a folder
    old = [
        folder(tmp_path / ".dagster" / where / str(uuid.uuid4()), DAYS_KEPT + 1) for where in ("", "storage")
    ]
    new = folder(tmp_path / ".dagster" / str(uuid.uuid4()), DAYS_KEPT - 1)
    other = folder(tmp_path / ".dagster" / "schedules", 1000)
    replays = [
        folder(tmp_path / ".dagster" / "replays" / f"{days}", days) for days in range(REPLAYS_KEPT + 3)
    ]
    remove_old_files(config)
    assert [path.exists() for path in (*old, new, other)] == [False, False, True, True]
    assert [path.exists() for path in replays] == [True] * REPLAYS_KEPT + [False] * 3
