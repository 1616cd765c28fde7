"""Where a finding is: the file of a revision, relative to the repository, and the line of a function."""

from __future__ import annotations

import ast
import os
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from wish_rollout.core.reports.release_report import ReleaseFinding
from wish_rollout.rollout.approval.git import find_repository

if TYPE_CHECKING:
    from wish_rollout.core.errors.base import RolloutError
    from wish_rollout.core.reports.release_report import Level
    from wish_rollout.rollout.project.project import Project


class FindingLocations:
    """The places of a project's files. Paths are relative to the repository, or to rollout.toml without one."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def folder(self) -> Path:
        """The folder that paths are relative to."""
        root = self.project.config.root
        return find_repository(root / "file") or root

    def path(self, path: str) -> str:
        """Return a path that is relative to rollout.toml as one that is relative to the repository."""
        whole = os.path.realpath(self.project.config.root / path)
        return PurePath(os.path.relpath(whole, os.path.realpath(self.folder))).as_posix()

    def of_revision(self, name: str, function: str = "") -> tuple[str, int]:
        """Return path and line of a revision's script, or of a function in it; an empty path if there is none."""
        revision = self.project.release.by_id.get(name)
        if revision is None:
            return "", 0
        return self.path(revision.path), function_line(self.project.config.root / revision.path, function)

    def finding(
        self, rule: str, message: str, revision: str, function: str = "", level: Level = "error"
    ) -> ReleaseFinding:
        """Return a finding about a revision."""
        return ReleaseFinding(rule, level, message, *self.of_revision(revision, function), revision)

    def of_error(self, rule: str, error: RolloutError) -> tuple[ReleaseFinding, ...]:
        """Return an error as a finding about the revision or the file that it names."""
        fields = error.as_dict()
        revision, path = str(fields.get("revision") or ""), str(fields.get("path") or "")
        try:
            place, line = self.of_revision(revision, "upgrade") if revision else ("", 0)
        except type(error):  # the scripts cannot be loaded, so that no revision has a path
            place, line = "", 0
        if not place and path and (self.project.config.root / path).is_file():
            place = self.path(path)
        return (ReleaseFinding(rule, "error", str(error), place, line, revision),)


def function_line(path: Path, name: str) -> int:
    """Return the line of a function's definition in a Python file; 1 if it has none, or cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 1
    lines = (each.lineno for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name)
    return next(lines, 1)
