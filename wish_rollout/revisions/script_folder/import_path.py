"""Python's import path while the project's code is imported.

``alembic`` has no folder of the project on it, unless prepend_sys_path names one; ``python -m alembic`` has the working
directory. So it comes last here, where it shadows no installed package, except for a module that was asked for by name.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def add_import_path(folder: str, module: str = "") -> None:
    """Put a folder on the import path: first if it has the (top-level package of the) ``module``, else last."""
    if folder in sys.path:
        return
    top = Path(folder) / module.partition(".")[0]
    has_module = bool(module) and (top.is_dir() or top.with_suffix(".py").is_file())
    sys.path.insert(0 if has_module else len(sys.path), folder)


@contextmanager
def import_path(folder: str, module: str = "") -> Iterator[None]:
    """Have a folder on the import path meanwhile, as ``add_import_path`` puts it there."""
    was_there = folder in sys.path
    add_import_path(folder, module)
    try:
        yield
    finally:
        if not was_there and folder in sys.path:  # what the project's code has added itself stays
            sys.path.remove(folder)
