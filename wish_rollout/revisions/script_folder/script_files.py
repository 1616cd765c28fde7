"""The scripts of the revisions, each read once: what is executed is what was hashed.

Scripts that are recorded in ``meta/`` are executed when one of them is needed, and not to learn the graph: the place of each was
recorded when exactly this text was executed. So the scripts of a long history, and what they import, cost little where none is run.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from functools import cache, cached_property
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from alembic.script import Script
from alembic.script.revision import RevisionMap

from wish_rollout.revisions.script_folder.script_headers import Header, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import CodeType

    from alembic.script import ScriptDirectory

NOT_READ = (".#", "__init__")
"""The beginnings of the names of files that Alembic does not take for scripts."""


class Place(NamedTuple):
    """The place of a recorded script in the graph. ``parents``: with those of ``depends_on``."""

    revision: str
    parents: frozenset[str]


class ScriptLoader(SourceFileLoader):
    """Executes a text that was read before, whatever is in the file now, or in ``__pycache__``."""

    def __init__(self, name: str, path: str, source: bytes) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  (the loader of a single module)
        """Return the compiled text. Raises SyntaxError."""
        code: CodeType = self.source_to_code(self.source, self.path)
        return code


class DeferredScript(Script):
    """Alembic's object of a script that is executed when its module is needed. ``execute``: executes all scripts."""

    def __init__(self, path: str, source: bytes, header: Header, execute: Callable[[], None]) -> None:
        declarations = ModuleType("")
        vars(declarations).update(header._asdict())
        super().__init__(declarations, header.revision, path)
        del self.module  # until it is needed
        self.source = source
        self._doc = header.doc
        self._execute = execute

    @cached_property
    def module(self) -> ModuleType:  # type: ignore[override]
        """The module of the script; raises what ``execute`` raises."""
        self._execute()
        found: ModuleType = vars(self)["module"]
        return found

    @property
    def is_executed(self) -> bool:
        """Whether the script was executed."""
        return "module" in vars(self)

    @property
    def longdoc(self) -> str:
        """The text at the beginning of the script."""
        return self._doc.strip()


def attribute_of(script: Script | None, name: str, default: Any = None) -> Any:
    """Return an attribute of a script's module; no script is executed whose text does not contain the name."""
    if isinstance(script, DeferredScript) and not script.is_executed and name.encode() not in script.source:
        return default
    return getattr(script.module, name, default) if script else default


class ScriptFiles:
    """The scripts of one folder, in the place of those that Alembic would read.

    ``recorded``: the places of recorded scripts by the SHA-256 of their text. ``load``: executes the deferred scripts, by
    ``execute``, when the module of one of them is needed.
    """

    def __init__(
        self, directory: ScriptDirectory, recorded: Mapping[str, Place], load: Callable[[], None]
    ) -> None:
        self.directory = directory
        self.recorded = recorded
        self.load = load
        self.deferred: list[DeferredScript] = []
        directory.revision_map = RevisionMap(self.scripts)

    def read(self) -> dict[str, Script]:
        """Return all scripts by their revisions, each after its parents.

        What Alembic only warns of would end in a KeyError, or in a guess, so it is raised.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Revision .* is (not present|present more than once)")
            newest_first = list(self.directory.walk_revisions())
        return {script.revision: script for script in reversed(newest_first)}

    def execute(self) -> None:
        """Execute the deferred scripts, in Alembic's order: one may rely on what another one registers or imports."""
        for script in self.deferred:
            if not script.is_executed:
                vars(script)["module"] = load_script(script.path, script.source)

    @cached_property
    def sources(self) -> Mapping[str, bytes]:
        """The text of each file that Alembic takes for a script, by its real path, in Alembic's order."""
        return {
            path: read_bytes(path)
            for path in paths_of(self.directory)
            if path.endswith(".py") and not path.rpartition(os.sep)[2].startswith(NOT_READ)
        }

    def scripts(self) -> Iterator[Script]:
        """Yield the scripts as Alembic finds them: deferred if all are recorded, and otherwise executed.

        Raises what a script raises.
        """
        if self.directory.sourceless:
            yield from self.directory._load_revisions()  # noqa: SLF001
            return
        headers = self._headers()
        self.deferred = [
            DeferredScript(path, self.sources[path], header, self.load) for path, header in headers.items()
        ]
        yield from self.deferred
        for path, source in () if headers else self.sources.items():
            module = load_script(path, source)
            if hasattr(module, "revision"):
                yield Script(module, module.revision, path)
            elif script := Script._from_path(self.directory, path):  # noqa: SLF001  (by its name, or an error)
                yield script

    def _headers(self) -> dict[str, Header]:
        """Return the headers of all scripts by their paths; none if one is not recorded, or not as its header says."""
        found = {}
        for path, source in self.sources.items() if self.recorded else ():
            place = self.recorded.get(hashlib.sha256(source).hexdigest())
            header = read_header(source) if place else None
            if header is None or place != Place(
                header.revision, frozenset(header.down_revision + header.depends_on)
            ):
                return {}
            found[path] = header
        return found


def read_bytes(path: str) -> bytes:
    """Return what is in a file, without a Path: these are thousands of files."""
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def load_script(path: str, source: bytes) -> ModuleType:
    """Execute the text of a script as the module that Alembic makes of its file. Raises what the script raises."""
    name = re.sub(r"\W", "_", path.rpartition(os.sep)[2])
    spec = spec_from_loader(name, ScriptLoader(name, path, source), origin=path, is_package=False)
    assert spec
    spec.has_location = True  # gives the module its __file__
    module = module_from_spec(spec)
    assert spec.loader
    spec.loader.exec_module(module)
    return module


def paths_of(directory: ScriptDirectory) -> Iterator[str]:
    """Yield the real paths of the files in the version folders, each once."""
    real_folder = cache(os.path.realpath)
    seen: set[str] = set()
    for place in directory._version_locations:  # noqa: SLF001
        for path in Script._list_py_dir(directory, place) if place.exists() else ():  # noqa: SLF001
            real = (
                os.path.realpath(path)
                if path.is_symlink()
                else f"{real_folder(path.parent)}{os.sep}{path.name}"
            )
            if real not in seen:
                seen.add(real)
                yield real
