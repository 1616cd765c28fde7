"""The code that a release runs: recorded in ``meta/``, or found by a replay, and hashed again each time it is read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.revisions.records.code_record import (
    CodeRecord,
    capture,
    changes,
    configuration_names,
    hash_names,
    loaded_names,
)
from wish_rollout.revisions.records.installed_packages import package_versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wish_rollout.rollout.release.release_source import ReleaseSource


class ReleaseCode:
    """The files that env.py and the revisions use. ``meta``: the folder of the record. ``cache``: of replays."""

    def __init__(self, project: ReleaseSource, meta: Path, cache: Path) -> None:
        self.project = project
        self.meta = meta
        self.cache = cache

    @cached_property
    def record(self) -> CodeRecord:
        """The record: from ``meta/``, else of the last replay if nothing changed since, else of a replay."""
        recorded = CodeRecord.read(self.meta) or self._cached()
        if recorded is None:
            from wish_rollout.rollout.replay.replay import replay

            replay(self.project)
            recorded = self.write(self.cache)
        return recorded

    def _cached(self) -> CodeRecord | None:
        cached = CodeRecord.read(self.cache)
        return cached if cached and not changes(cached.files, self._hash(cached)) else None

    def is_cache_current(self) -> bool:
        """Return whether the cached replay was made with the code as it is now."""
        return self._cached() is not None

    def write(self, folder: Path) -> CodeRecord:
        """Record the code of a replay that has just run; return the record."""
        record = capture(self.project.scripts)
        with suppress(OSError):  # a worker that may not write replays each time
            record.write(folder)
        return record

    def add(self, folder: Path) -> None:
        """Record the code of a replay of the newest revisions beside what is recorded of the others."""
        before, now = CodeRecord.read(folder), capture(self.project.scripts)
        if before is not None:
            files = {*before.files, *now.files}
            now = replace(
                now,
                files=hash_names(self.project.scripts.root, files),
                packages=tuple(sorted({*before.packages, *now.packages})),
            )
        now.write(folder)

    def _hash(self, record: CodeRecord) -> dict[str, str]:
        scripts = self.project.scripts
        return hash_names(scripts.root, {*record.files, *configuration_names(scripts)})

    def files(self) -> dict[str, str]:
        """Return the hash of each file as it is now."""
        return self._hash(self.record)

    def digest(self) -> str:
        """Return the digest over all files as they are now."""
        return canonical_digest(self.files())

    def differences(self, recorded: Mapping[str, str] | None = None) -> list[str]:
        """Return what changed since the record was made, and what was imported that it lacks.

        ``recorded``: the files of a plan that was made before, in place of the record. Raises ScriptUnreadable.
        """
        known = self.record.files if recorded is None else recorded
        self.project.scripts.load()
        used = loaded_names(self.project.scripts, known) - known.keys()
        return changes(known, {**self.files(), **hash_names(self.project.scripts.root, used)})

    def packages(self) -> Mapping[str, str]:
        """Return the versions of the installed packages that the files import."""
        return package_versions(self.record.packages)
