"""Executing the scripts of revisions, while what they import and read is traced."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.releases import ScriptUnreadable
from wish_rollout.core.text.exception_text import one_line
from wish_rollout.revisions.script_folder.added_items import added_items_noted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.revisions.script_folder.code_trace import CodeTrace


class ScriptLoading:
    """Executes scripts of one folder.

    ``folder``: of env.py. ``folders``: this and the version folders. ``trace``: notes what the scripts use.
    """

    def __init__(self, folder: Path, folders: Sequence[Path], trace: CodeTrace) -> None:
        self.folder = folder
        self.folders = folders
        self.trace = trace

    @contextmanager
    def traced(self) -> Iterator[None]:
        """Trace what scripts use that are executed meanwhile. Raises ScriptUnreadable for whatever they raise."""
        before = set(self.trace.files)
        try:
            with self.explained(), self.trace.recording(), added_items_noted(self.folders[1:]):
                yield
        finally:
            self.trace.loaded |= self.trace.files - before

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raise ScriptUnreadable for whatever is raised meanwhile, with the place in a script."""
        try:
            yield
        except RolloutError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  (an application without its settings may end the process)
            text = error.msg if isinstance(error, SyntaxError) else str(error)
            reason = one_line(f"{type(error).__name__}: {text}")
            raise ScriptUnreadable(str(self.folder), reason, self._place_of(error)) from None

    def _place_of(self, error: BaseException) -> str:
        """Return the script and the line in which something went wrong; empty if that is in none."""
        frames = [(frame.filename, frame.lineno) for frame in extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            frames.append((error.filename or "", error.lineno))
        for name, line in reversed(frames):
            if any(Path(name).is_relative_to(folder) for folder in self.folders):
                return f" ({Path(name).name}, line {line})"
        return ""
